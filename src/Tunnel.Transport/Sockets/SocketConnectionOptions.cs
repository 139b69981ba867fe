namespace Tunnel.Transport.Sockets;

/// <summary>How a <see cref="SocketConnection"/> tunes its socket. Nagle's algorithm is always off.</summary>
public sealed record SocketConnectionOptions
{
    /// <summary>The system's own buffer sizes, no probes.</summary>
    public static SocketConnectionOptions Default { get; } = new();

    /// <summary>
    /// For links: a short queue in the kernel, so that a new request never waits behind megabytes of a download.
    /// </summary>
    public static SocketConnectionOptions Link { get; } = new()
    {
        UnsentLimit = 128 * 1024,
        SendBufferSize = 256 * 1024,
    };

    /// <summary>For connections to origins: another host that vanishes is found within a minute or so.</summary>
    public static SocketConnectionOptions Origin { get; } = new()
    {
        KeepAliveAfter = TimeSpan.FromSeconds(30),
        KeepAliveInterval = TimeSpan.FromSeconds(10),
        KeepAliveProbes = 3,
    };

    // With what the system adds, and the segment that it always takes whole, some 48 KiB each way.
    private const int NarrowBuffer = 16 * 1024;

    /// <summary>
    /// Bytes the kernel may hold that were not sent yet (<c>TCP_NOTSENT_LOWAT</c>); null leaves it alone. Where
    /// the system has no such limit, <see cref="SendBufferSize"/> bounds the queue instead.
    /// </summary>
    public int? UnsentLimit { get; init; }

    /// <summary>
    /// Bytes of send buffer. With <see cref="UnsentLimit"/> set it is used only where that limit does not exist:
    /// fixing the buffer would switch off the system's own tuning for nothing. Null leaves it alone.
    /// </summary>
    public int? SendBufferSize { get; init; }

    /// <summary>
    /// Bytes of receive buffer; null leaves it, and its growing with what comes, to the system.
    /// </summary>
    public int? ReceiveBufferSize { get; init; }

    /// <summary>The largest block that is rented for receiving, in bytes.</summary>
    public int ReceiveBlock { get; init; } = Buffers.BlockPool.LargeBlock;

    /// <summary>Silence after which the system probes the peer; null sends no probes.</summary>
    public TimeSpan? KeepAliveAfter { get; init; }

    /// <summary>Time between probes.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Unanswered probes after which the connection is <see cref="ConnectionBreak.TimedOut"/>.</summary>
    public int KeepAliveProbes { get; init; } = 4;

    /// <summary>
    /// How long a peer may answer nothing before it is taken for gone, with probes of ours or with something else under way to
    /// it; null: for as long as the system likes. See <see cref="SocketConnection.EndWhenPeerIsGone"/>.
    /// </summary>
    public TimeSpan? GoneAfter => KeepAliveAfter + (KeepAliveInterval * KeepAliveProbes);

    /// <summary>
    /// The same for a time when memory is short: the system holds little for the socket, and a far peer is served slowly.
    /// </summary>
    public SocketConnectionOptions Narrow => this with { UnsentLimit = null, SendBufferSize = NarrowBuffer, ReceiveBufferSize = NarrowBuffer };

    /// <summary>The runtime waits for the socket also where an event loop of ours could, as on other systems than Linux.</summary>
    internal bool WaitsByRuntime { get; init; }
}

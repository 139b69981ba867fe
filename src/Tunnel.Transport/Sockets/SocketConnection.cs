using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Tunnel.Transport.EventThreads;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// A connected TCP socket as a pair of pipes that work straight on it: no pump tasks, no thread hops of their own,
/// and no memory while nothing is under way. Both directions are independent; each ends by itself.
/// </summary>
/// <remarks>
/// <para>Input: one consumer; the end of the peer's sending is <c>IsCompleted</c>. Output: one producer; completing it
/// ends our sending (FIN) and leaves the other direction alone, completing it with an exception resets the
/// connection. Both fail with <see cref="ConnectionBrokenException"/>, and with nothing else, when the connection
/// breaks. A read and a flush may be pending at the same time.</para>
/// <para>Owns the socket. The pool stays its owner's; its memory must be made of arrays.</para>
/// </remarks>
public sealed class SocketConnection : IConnection
{
    private static readonly IPEndPoint Nowhere = new(IPAddress.None, 0);

    private readonly Socket _socket;
    private readonly SocketPipeReader _reader;
    private readonly SocketSender _sender;
    private readonly SocketPipeWriter _writer;
    private readonly ConnectionFault _fault = new();
    private readonly SocketWatch _watch = new();
    private readonly TimeSpan? _goneAfter;
    private DeadlineClock? _peerClock;
    private PeerWatch? _peer;
    private Task? _disposal;

    /// <param name="socket">Connected; the connection owns it from here on.</param>
    /// <param name="pool">Where blocks come from.</param>
    /// <param name="options">Null: <see cref="SocketConnectionOptions.Default"/>.</param>
    /// <param name="isTuned">The socket has come with what the options say, see <see cref="SocketListener.Tune"/>.</param>
    public SocketConnection(Socket socket, MemoryPool<byte> pool, SocketConnectionOptions? options = null, bool isTuned = false)
    {
        _socket = socket;
        options ??= SocketConnectionOptions.Default;
        if (!isTuned)
        {
            SocketTuning.Apply(socket, options);
        }

        _goneAfter = options.GoneAfter;
        LocalEndPoint = Normalize(socket, static s => s.LocalEndPoint);
        RemoteEndPoint = Normalize(socket, static s => s.RemoteEndPoint);
        _sender = new SocketSender(socket, this, _watch, _fault);
        _reader = new SocketPipeReader(socket, new SocketReceiver(socket, new ReceiveBuffer(pool, options.ReceiveBlock), _sender, _watch, _fault), _watch);
        _writer = new SocketPipeWriter(_sender, pool, this);
        if (!options.WaitsByRuntime)
        {
            _watch.Begin(socket.SafeHandle, _reader, _sender);
        }

        if (!_watch.IsOn)
        {
            // Calls that would wait come back at once; waiting is done by the asynchronous ones.
            socket.Blocking = false;
        }
    }

    /// <summary>
    /// How the output of such a connection takes bytes without a copy: its owner is disposed of once they were sent, or never
    /// will be. Null for any other output, that of a TLS connection too: what is encrypted is copied by that.
    /// </summary>
    public static Action<IMemoryOwner<byte>, ReadOnlyMemory<byte>>? FindAppendInPlace(PipeWriter output) =>
        output is SocketPipeWriter writer ? writer.Append : null;

    /// <inheritdoc/>
    public PipeReader Input => _reader;

    /// <inheritdoc/>
    public PipeWriter Output => _writer;

    /// <summary>
    /// Our address; an IPv4 address in IPv6 clothes is plain IPv4. 255.255.255.255:0 when the system could not say
    /// because the connection broke before it got here.
    /// </summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <summary>The peer's address, under the same rules as <see cref="LocalEndPoint"/>.</summary>
    public IPEndPoint RemoteEndPoint { get; }

    /// <summary>
    /// Nothing can be read now, and the peer has not ended. Free where an event loop listens, which hears of it a moment later
    /// than the system does; otherwise, and when <paramref name="isSure"/>, asks the system.
    /// </summary>
    public bool IsQuiet(bool isSure)
    {
        if (!isSure && _watch.IsOn && !_watch.HasNews)
        {
            return true;
        }

        try
        {
            return !_socket.Poll(0, SelectMode.SelectRead);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>
    /// From now on a peer that is gone breaks the connection (<see cref="ConnectionBreak.TimedOut"/>) after
    /// <see cref="SocketConnectionOptions.GoneAfter"/>, also while something is under way to it; the system's probes are for
    /// the silence of an idle one. Call it once, before the connection is in use.
    /// </summary>
    /// <remarks>
    /// What decides is whether the peer's system answers, not whether bytes move: a live peer may close its window for as long
    /// as it likes. It is asked only while something is under way, so an idle connection holds nothing for it. Linux only: elsewhere
    /// the system's own limit for retransmissions holds, minutes on most.
    /// </remarks>
    /// <param name="clock">Must outlive the connection.</param>
    public void EndWhenPeerIsGone(DeadlineClock clock)
    {
        if (_goneAfter is not null && OperatingSystem.IsLinux())
        {
            _peerClock = clock;
        }
    }

    /// <inheritdoc/>
    public long Delivered => TcpInfo.TryGetAcknowledged(_socket, out long bytes) ? bytes : _sender.BytesTaken;

    /// <inheritdoc/>
    public void DiscardUnflushed() => _writer.Discard();

    /// <inheritdoc/>
    public void Abort() => Break(SocketError.OperationAborted);

    /// <summary>
    /// Closes the socket and waits until nothing of the connection is in use. Orderly if <see cref="Output"/> was
    /// completed and everything was sent; otherwise the peer sees a reset, because a torn stream must not look
    /// complete. Pending calls fail. Blocks go back to the pool, except those the consumer or the producer holds at
    /// this moment: these follow when it advances or completes its half.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        // An object of ours that nobody else knows: a lock of its own would be 40 bytes more for every idle connection.
        lock (_fault)
        {
            _disposal ??= CloseAsync();
            return new ValueTask(_disposal);
        }
    }

    /// <summary>Bytes have gone to the system: until the peer has them, it is watched.</summary>
    internal void HasSent()
    {
        if (_peerClock is { } clock && Volatile.Read(ref _peer) is null)
        {
            var watch = new PeerWatch(this, _socket, _goneAfter!.Value, clock);
            if (!TryWatch(watch))
            {
                watch.Stop();
            }
        }
    }

    /// <summary>False: another watch has begun.</summary>
    internal bool TryWatch(PeerWatch watch) => Interlocked.CompareExchange(ref _peer, watch, null) is null;

    /// <summary>Whoever sends from here on begins a new watch.</summary>
    internal void Unwatch() => Interlocked.Exchange(ref _peer, null);

    internal void Break(SocketError reason)
    {
        _fault.Set(reason);

        // A closing timeout of zero is the abortive close: linger 0, so RST instead of FIN.
        _socket.Close(0);
        _watch.Close();
    }

    private async Task CloseAsync()
    {
        _peerClock = null;
        _reader.StopWaiting();
        if (_sender.EndedCleanly)
        {
            _socket.Dispose();
            _watch.Close();
        }
        else
        {
            Abort();
        }

        await _reader.CloseAsync();
        await _sender.WhenIdleAsync();

        // Nobody sends any more, so nobody begins another.
        Volatile.Read(ref _peer)?.Stop();
        _writer.Close();
    }

    private static IPEndPoint Normalize(Socket socket, Func<Socket, EndPoint?> which)
    {
        try
        {
            return which(socket) switch
            {
                IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped => new IPEndPoint(mapped.Address.MapToIPv4(), mapped.Port),
                IPEndPoint plain => plain,
                _ => Nowhere,
            };
        }
        catch (SocketException)
        {
            return Nowhere;
        }
    }
}

using System.Buffers;
using System.IO.Pipelines;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>What a session is given; the defaults are those of docs/protocol.md, section 10.</summary>
public sealed record SessionOptions
{
    /// <summary>Streams open at one time.</summary>
    public int MaxStreams { get; init; } = ProtocolLimits.Streams;

    /// <summary>Bytes of a request that may come before the first CREDIT: every stream of the agent has that much room for sure.</summary>
    public int UploadWindow { get; init; } = ProtocolLimits.LeastWindow;

    /// <summary>Bytes a session may hold for receiving, the reserve of every stream included.</summary>
    public long SessionMemory { get; init; } = 64L * 1024 * 1024;

    /// <summary>What all sessions of the process share; null: no common bound.</summary>
    public ProcessMemory? ProcessMemory { get; init; }

    /// <summary>Unacknowledged sequenced bytes from which on nothing more is taken from streams.</summary>
    public int ReplayBytes { get; init; } = ProtocolLimits.ReplayBytes;

    /// <summary>Rented bytes that may wait for the writer per stream; then its user waits.</summary>
    public int WaitingPerStream { get; init; } = 64 * 1024;

    public HeartbeatTimes BusyHeartbeat { get; init; } = HeartbeatTimes.Busy;

    public HeartbeatTimes IdleHeartbeat { get; init; } = HeartbeatTimes.Idle;

    /// <summary>Frames without effect that may come at once, and per second.</summary>
    public int FloodAtOnce { get; init; } = 10_000;

    public int FloodPerSecond { get; init; } = 2_000;

    /// <summary>How long a session waits for another link when its own was lost; zero: it ends with its first link.</summary>
    public TimeSpan ResumeWindow { get; init; }

    /// <summary>How long a CLOSE may take to leave before the link is dropped without it.</summary>
    public TimeSpan CloseTime { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Where the writer loop goes on when there is something to send: frames gather until it gets its turn. It does not
    /// block, except in a link that does.
    /// </summary>
    public PipeScheduler WriterScheduler { get; init; } = PipeScheduler.ThreadPool;

    /// <summary>
    /// Whether a user of a stream that waits for a little goes on in the reader loop itself, and, while few streams are
    /// open, sends for itself what it flushes. It saves a thread switch for each small request or answer, and whoever sets
    /// it promises that its users do not block and hold no lock when they flush.
    /// </summary>
    public bool StreamsRunInline { get; init; }

    /// <summary>
    /// Finds how the output of a link takes bytes behind all it was written without a copy: it sends from this memory, which
    /// does not change, and disposes of the owner once it does not need it any more. Null for an output that does not.
    /// </summary>
    public Func<PipeWriter, Action<IMemoryOwner<byte>, ReadOnlyMemory<byte>>?> FindAppendInPlace { get; init; } = static _ => null;

    /// <summary>Where the memory of streams comes from.</summary>
    public MemoryPool<byte> Pool { get; init; } = MemoryPool<byte>.Shared;

    /// <summary>
    /// Where received bytes wait, if not in <see cref="Pool"/> too: apart from the rest, because they are counted by the
    /// windows that let them in.
    /// </summary>
    public MemoryPool<byte>? InputPool { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>What both sides can keep to: of each number the lower, ours or the one the peer has told in the handshake.</summary>
    /// <param name="streams">Null: it told none, as <paramref name="uploadWindow"/>.</param>
    public SessionOptions AgreeWith(int? streams, int? uploadWindow) => this with
    {
        MaxStreams = Math.Min(MaxStreams, streams ?? ProtocolLimits.Streams),
        UploadWindow = Math.Min(UploadWindow, uploadWindow ?? ProtocolLimits.LeastWindow),
    };

    /// <exception cref="ArgumentOutOfRangeException">A value no session can work with.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxStreams, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxStreams, ProtocolLimits.MostStreams);
        ArgumentOutOfRangeException.ThrowIfLessThan(UploadWindow, ProtocolLimits.LeastWindow);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(UploadWindow, ProtocolLimits.MostWindow);
        ArgumentOutOfRangeException.ThrowIfLessThan(SessionMemory, (long)MaxStreams * UploadWindow);
        ArgumentOutOfRangeException.ThrowIfLessThan(WaitingPerStream, ProtocolLimits.SentPayload);
        ArgumentOutOfRangeException.ThrowIfLessThan(ReplayBytes, ProtocolLimits.AcceptedPayload);
        ArgumentOutOfRangeException.ThrowIfLessThan(ResumeWindow, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(BusyHeartbeat.Ask, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(IdleHeartbeat.Ask, TimeSpan.Zero);
    }
}

using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The multiplexed conversation between an agent and a server (docs/protocol.md). Takes a link, never a socket;
/// begins after the handshake. One loop reads, one writes, one timer drives heartbeat and acknowledgements.
/// </summary>
/// <remarks>
/// <see cref="RunAsync"/> owns both loops and returns only when they have stopped and every stream has been told.
/// All other members are safe from any thread.
/// </remarks>
[SuppressMessage(
    "Design", "CA1001", Justification = "RunAsync starts the timer and disposes it before it returns; outside of it there is none.")]
public sealed class Session
{
    private readonly SessionClock _clock;
    private readonly SessionPulse _pulse;
    private readonly SentSequence _sent = new();
    private readonly ReceivedSequence _received = new();
    private readonly TaskCompletionSource<SessionEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Farewell _farewell;
    private readonly StreamArrivals _arrivals;
    private readonly StreamDepartures _departures;
    private SessionEnd? _end;

    /// <param name="role">Which end this is: the server opens streams, the agent accepts them.</param>
    public Session(LinkRole role, SessionOptions options, ISessionUser user)
    {
        options.Validate();
        Role = role;
        User = user;
        Options = options;
        _clock = new SessionClock(options.Time);
        Streams = new SessionStreams(
            options,
            _clock,
            new OutgoingQueue(_sent, _received),
            new FloodGuard(options.FloodAtOnce, options.FloodPerSecond),
            WriterSignal);
        _arrivals = new StreamArrivals(Streams);
        _departures = new StreamDepartures(Streams, _sent);
        _farewell = new Farewell(this);
        _pulse = new SessionPulse(this, _clock);
    }

    public LinkRole Role { get; }

    public SessionOptions Options { get; }

    /// <summary>Streams that are not closed yet.</summary>
    public int OpenStreams => Streams.Count;

    /// <summary>Bytes drawn from the session's memory budget.</summary>
    public long MemoryUsed => Streams.Memory.Used;

    /// <summary>No new streams: one of the two sides has said that it leaves.</summary>
    public bool IsLeaving => Streams.OpensAreOver;

    /// <summary>The least round trip of the last ten seconds; null until one was measured.</summary>
    public TimeSpan? RoundTrip => _clock.LeastRoundTrip;

    /// <summary>Sequenced bytes sent and received so far.</summary>
    public (ulong Sent, ulong Acknowledged, ulong Received) Counts
    {
        get
        {
            lock (Streams.Gate)
            {
                return (_sent.Count, _sent.Acknowledged, _received.Count);
            }
        }
    }

    /// <summary>Completes with the reason when the session has ended.</summary>
    public Task<SessionEnd> Ended => _ended.Task;

    internal ISessionUser User { get; }

    internal SessionStreams Streams { get; }

    internal AsyncSignal WriterSignal { get; } = new();

    /// <summary>Code and sentence of the CLOSE that is to be sent.</summary>
    internal (CloseCode Code, string Sentence)? CloseToSend { get; private set; }

    internal bool IsEnded => Volatile.Read(ref _end) is not null;

    internal bool IsBusy => Streams.Count > 0 || _sent.Unacknowledged > 0;

    /// <summary>
    /// Opens a stream; the server's side only. Null when none may be opened: the limit is reached, or the session
    /// leaves or has ended. OPEN goes out with the first flush.
    /// </summary>
    public TunnelStream? TryOpen(in OpenHeader open)
    {
        if (Role != LinkRole.Server)
        {
            throw new InvalidOperationException("Only the server opens streams in this version of the protocol.");
        }

        TunnelStream? stream = Streams.TryOpen(open);
        if (stream is null && Streams.Table.IdsAreExhausted)
        {
            Leave("ids-exhausted", reconnect: true, delay: TimeSpan.Zero, grace: TimeSpan.FromSeconds(30));
        }

        _pulse.Quicken();
        return stream;
    }

    /// <summary>Sends BIND, BOUND or UNBIND. A peer that reads none of them for too long is a flood.</summary>
    public void Send<T>(FrameKind kind, T message)
        where T : class, IJsonMessage<T>
    {
        if (kind is not (FrameKind.Bind or FrameKind.Bound or FrameKind.Unbind))
        {
            throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not a message that a session's owner sends.");
        }

        SendMessage(kind, message);
    }

    /// <summary>
    /// Announces that this side leaves: it opens no new streams; running ones have the grace to finish, then the session
    /// closes. Without effect when either side already leaves.
    /// </summary>
    /// <param name="delay">What the peer is to wait before it dials again.</param>
    /// <param name="grace">0 or more, as the delay, up to 2^31-1 milliseconds.</param>
    public void Leave(string reason, bool reconnect, TimeSpan delay, TimeSpan grace)
    {
        var message = new GoAwayMessage
        {
            Reason = reason,
            Reconnect = reconnect,
            Delay = (long)delay.TotalMilliseconds,
            Grace = (long)grace.TotalMilliseconds,
        };
        if (_farewell.TryBegin(message))
        {
            _pulse.LeaveWithin(grace);
        }
    }

    /// <summary>Ends the session with CLOSE; streams still open are lost. The first reason stays.</summary>
    public void Close(CloseCode code, string message) =>
        End(new SessionEnd(SessionEndKind.ClosedHere, code, message));

    /// <summary>
    /// Carries the session over a link until it ends. The link's pipes are completed on return; the output with an error
    /// unless everything was sent.
    /// </summary>
    /// <param name="link">Ready for the first frame after the handshake.</param>
    /// <param name="stop">Gives the link up without CLOSE.</param>
    public async Task<SessionEnd> RunAsync(IDuplexPipe link, CancellationToken stop = default)
    {
        await using CancellationTokenRegistration stopped =
            stop.UnsafeRegister(_ => End(Lost("The link was given up here.")), null);
        _pulse.Start();
        return await new SessionLink(this, link).RunAsync();
    }

    internal static SessionEnd Lost(string message) => new(SessionEndKind.LinkLost, CloseCode.Normal, message);

    /// <summary>A rule was broken by the peer.</summary>
    internal void End(ProtocolViolationException violation) => Close(violation.Code, violation.Message);

    /// <summary>A fault of ours: our log gets all of it, the peer the code alone.</summary>
    internal void EndByFault(Exception error) => End(
        new SessionEnd(SessionEndKind.ClosedHere, CloseCode.InternalError, error.ToString()),
        "a fault on this side; its log has more");

    internal void End(SessionEnd end) => End(end, end.Message);

    internal Task StopPulseAsync() => _pulse.DisposeAsync().AsTask();

    internal SessionReader NewReader() => new(this, _arrivals);

    internal SessionWriter NewWriter() => new(this, _departures);

    /// <summary>Sending has failed, and the peer's CLOSE may still lie unread before the end of the link: a moment to find it.</summary>
    internal void LoseSoon(string reason)
    {
        if (!IsEnded)
        {
            _pulse.LoseWithin(Options.CloseTime, reason);
        }
    }

    // ---- what the reader loop reports -----------------------------------------------------------

    internal void OnBytes() => _pulse.OnBytes();

    internal void OnFrame(in FrameHeader header)
    {
        if (header.IsSequenced)
        {
            lock (Streams.Gate)
            {
                _received.Add(header);
            }
        }
    }

    /// <summary>All that had arrived is handled: an ACK may be due, and the session may be over.</summary>
    internal void OnBatch()
    {
        bool wake;
        bool soon;
        lock (Streams.Gate)
        {
            wake = _received.IsDue;
            soon = _received.HasNews;
        }

        if (wake)
        {
            WriterSignal.Set();
        }
        else if (soon)
        {
            _pulse.AcknowledgeSoon();
        }

        CloseIfDrained();
    }

    internal void OnAck(ulong count)
    {
        lock (Streams.Gate)
        {
            if (!_sent.Acknowledge(count))
            {
                Streams.Flood.Count(_clock.Now);
            }
        }
    }

    internal void OnPing(ulong number)
    {
        lock (Streams.Gate)
        {
            Streams.Flood.Count(_clock.Now);
            Streams.Queue.RequestPong(number);
        }

        WriterSignal.Set();
    }

    internal void OnPong(ulong number)
    {
        CountAgainstFlood();
        _pulse.OnPong(number);
    }

    internal void OnMessage(FrameKind kind, in ReadOnlySequence<byte> payload)
    {
        CountAgainstFlood();
        User.OnMessage(kind, payload);
    }

    internal void OnGoAway(GoAwayMessage message)
    {
        _farewell.Receive(message);
        User.OnGoAway(message);
    }

    // ---- what the timer asks for ----------------------------------------------------------------

    internal void RequestPing(ulong number)
    {
        lock (Streams.Gate)
        {
            Streams.Queue.RequestPing(number);
        }

        WriterSignal.Set();
    }

    internal void RequestAck()
    {
        lock (Streams.Gate)
        {
            Streams.Queue.RequestAck();
        }

        WriterSignal.Set();
    }

    internal void CloseIfDrained() => _farewell.CloseIfDrained();

    internal void SendMessage<T>(FrameKind kind, T message)
        where T : class, IJsonMessage<T>
    {
        byte[] payload = JsonMessages.Write(message);
        bool isQueued;
        lock (Streams.Gate)
        {
            isQueued = Streams.Queue.TryRequestMessage(kind, payload);
        }

        if (!isQueued)
        {
            Close(CloseCode.Flood, "Too many messages that the peer does not read.");
            return;
        }

        WriterSignal.Set();
        _pulse.Quicken();
    }

    private void CountAgainstFlood()
    {
        lock (Streams.Gate)
        {
            Streams.Flood.Count(_clock.Now);
        }
    }

    private void End(SessionEnd end, string sentence)
    {
        lock (Streams.Gate)
        {
            if (_end is not null)
            {
                return;
            }

            Volatile.Write(ref _end, end);
            CloseToSend = end.Kind == SessionEndKind.ClosedHere ? (end.Code, sentence) : null;
        }

        _ended.TrySetResult(end);
        WriterSignal.Set();
    }
}

using System.Buffers;
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
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Design", "CA1001", Justification = "RunAsync starts the timer and disposes it before it returns; outside of it there is none.")]
public sealed class Session
{
    private readonly SessionClock _clock;
    private readonly SessionPulse _pulse;
    private readonly SentSequence _sent = new();
    private readonly ReceivedSequence _received = new();
    private readonly TaskCompletionSource<SessionEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private SessionEnd? _end;
    private bool _goAwayWasReceived;
    private bool _leavesFirst;

    /// <param name="role">Which end this is: the server opens streams, the agent accepts them.</param>
    public Session(LinkRole role, SessionOptions options, ISessionUser user)
    {
        options.Validate();
        Role = role;
        User = user;
        Options = options;
        _clock = new SessionClock(options.Time);
        Flood = new FloodGuard(options.FloodAtOnce, options.FloodPerSecond);
        Streams = new SessionStreams(options, _clock, new OutgoingQueue(_sent, _received), _sent, Flood, WriterSignal);
        _pulse = new SessionPulse(this, _clock);
    }

    public LinkRole Role { get; }

    public SessionOptions Options { get; }

    /// <summary>Streams that are not closed yet.</summary>
    public int OpenStreams => Streams.Count;

    /// <summary>Bytes drawn from the session's memory budget.</summary>
    public long MemoryUsed => Streams.MemoryUsed;

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

    internal FloodGuard Flood { get; }

    internal AsyncSignal WriterSignal { get; } = new();

    internal SessionEnd? CloseToSend { get; private set; }

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
        if (stream is null && Streams.IdsAreExhausted)
        {
            Leave("ids-exhausted", reconnect: true, delay: TimeSpan.Zero, grace: TimeSpan.FromSeconds(30));
        }

        _pulse.Quicken();
        return stream;
    }

    /// <summary>Sends BIND, BOUND or UNBIND.</summary>
    public void Send<T>(FrameKind kind, T message)
        where T : class, IJsonMessage<T>
    {
        byte[] payload = JsonMessages.Write(message);
        lock (Streams.Gate)
        {
            Streams.Queue.RequestMessage(kind, payload);
        }

        WriterSignal.Set();
    }

    /// <summary>
    /// Announces that this side leaves: no new streams; running ones have the grace to finish, then the session
    /// closes. Without effect when it already leaves.
    /// </summary>
    public void Leave(string reason, bool reconnect, TimeSpan delay, TimeSpan grace)
    {
        var message = new GoAwayMessage
        {
            Reason = reason,
            Reconnect = reconnect,
            Delay = (long)delay.TotalMilliseconds,
            Grace = (long)grace.TotalMilliseconds,
        };
        if (!Streams.EndOpens())
        {
            return;
        }

        _leavesFirst = true;
        Send(FrameKind.GoAway, message);
        _pulse.LeaveWithin(grace);
    }

    /// <summary>Ends the session with CLOSE; streams still open are lost. The first reason stays.</summary>
    public void Close(CloseCode code, string message) =>
        End(new SessionEnd(SessionEndKind.ClosedHere, code, message));

    /// <summary>Carries the session over a link until it ends. The link's pipes are completed on return.</summary>
    /// <param name="link">Ready for the first frame after the handshake.</param>
    /// <param name="stop">Gives the link up without CLOSE.</param>
    public async Task<SessionEnd> RunAsync(IDuplexPipe link, CancellationToken stop = default)
    {
        using var stopReading = new CancellationTokenSource();
        using var stopWriting = new CancellationTokenSource();
        await using CancellationTokenRegistration stopped =
            stop.UnsafeRegister(_ => End(Lost("The link was given up here.")), null);
        _pulse.Start();
        Task reading = ReadAsync(link.Input, stopReading.Token);
        Task writing = WriteAsync(link.Output, stopWriting.Token);

        SessionEnd end = await _ended.Task;
        await _pulse.DisposeAsync();
        await stopReading.CancelAsync();
        await reading;
        if (CloseToSend is null)
        {
            await stopWriting.CancelAsync();
        }
        else
        {
            using var limit = new CancellationTokenSource(Options.CloseTime, Options.Time);
            await using CancellationTokenRegistration late = limit.Token.UnsafeRegister(
                static state => ((CancellationTokenSource)state!).Cancel(), stopWriting);
            WriterSignal.Set();
            await writing;
        }

        WriterSignal.Set();
        await writing;
        await link.Input.CompleteAsync();
        await link.Output.CompleteAsync(end.Kind == SessionEndKind.LinkLost ? new IOException(end.Message) : null);
        Streams.EndAll(end.Message);
        return end;
    }

    internal static SessionEnd Lost(string message) => new(SessionEndKind.LinkLost, CloseCode.Normal, message);

    internal void End(SessionEnd end)
    {
        lock (Streams.Gate)
        {
            if (_end is not null)
            {
                return;
            }

            Volatile.Write(ref _end, end);
            CloseToSend = end.Kind == SessionEndKind.ClosedHere ? end : null;
        }

        _ended.TrySetResult(end);
        WriterSignal.Set();
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
                Flood.Count(_clock.Now);
            }
        }
    }

    internal void OnPing(ulong number)
    {
        lock (Streams.Gate)
        {
            Flood.Count(_clock.Now);
            Streams.Queue.RequestPong(number);
        }

        WriterSignal.Set();
    }

    internal void OnPong(ulong number) => _pulse.OnPong(number);

    internal void OnMessage(FrameKind kind, in ReadOnlySequence<byte> payload)
    {
        lock (Streams.Gate)
        {
            Flood.Count(_clock.Now);
        }

        User.OnMessage(kind, payload);
    }

    internal void OnGoAway(GoAwayMessage message)
    {
        if (_goAwayWasReceived)
        {
            throw new ProtocolViolationException(CloseCode.UnexpectedFrame, "A second GOAWAY.");
        }

        _goAwayWasReceived = true;
        if (Streams.EndOpens())
        {
            Send(FrameKind.GoAway, message);
        }

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

    /// <summary>Who announced its leaving first closes, once both have and nothing runs any more.</summary>
    internal void CloseIfDrained()
    {
        if (_leavesFirst && _goAwayWasReceived && Streams.Count == 0)
        {
            Close(CloseCode.Normal, "all streams are finished");
        }
    }

    private async Task ReadAsync(PipeReader link, CancellationToken stop)
    {
        try
        {
            SessionEnd? close = await new SessionReader(this).RunAsync(link, stop);
            End(close ?? Lost("The link ended."));
        }
        catch (ProtocolViolationException violation)
        {
            End(new SessionEnd(SessionEndKind.ClosedHere, violation.Code, violation.Message));
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The session has ended for a reason that is already known.
        }
        catch (Exception error) when (error is IOException or System.Net.Sockets.SocketException)
        {
            End(Lost(error.Message));
        }
        catch (Exception error)
        {
            // A fault of ours: it ends this session with a name instead of the process.
            End(new SessionEnd(SessionEndKind.ClosedHere, CloseCode.InternalError, error.ToString()));
        }
    }

    private async Task WriteAsync(PipeWriter link, CancellationToken stop)
    {
        string reason = "The link takes no more.";
        try
        {
            await new SessionWriter(this).RunAsync(link, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return;
        }
        catch (Exception error) when (error is IOException or System.Net.Sockets.SocketException)
        {
            reason = error.Message;
        }
        catch (Exception error)
        {
            // As in the reader: a fault of ours has a name and ends one session.
            End(new SessionEnd(SessionEndKind.ClosedHere, CloseCode.InternalError, error.ToString()));
            return;
        }

        // The peer's CLOSE may still lie unread before the end of the link: the reader has a moment to find it.
        if (!IsEnded)
        {
            _pulse.LoseWithin(Options.CloseTime, reason);
        }
    }
}

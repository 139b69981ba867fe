using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The multiplexed conversation between an agent and a server (docs/protocol.md). Takes links, one at a time, never a
/// socket; begins after the handshake. On each link one loop reads and one writes; one timer drives all that time does.
/// </summary>
/// <remarks>
/// <para>A session outlives its link by <see cref="SessionOptions.ResumeWindow"/>: it is then <em>detached</em>, streams and
/// their users wait, and <see cref="AttachAsync"/> with another link goes on where the peer stands.</para>
/// <para><see cref="RunAsync"/> is its life: it returns only when both loops have stopped and every stream has been told.
/// All members are safe from any thread; to attach is one party's at a time.</para>
/// </remarks>
[SuppressMessage(
    "Design", "CA1001", Justification = "RunAsync starts the timer and disposes it before it returns; outside of it there is none.")]
public sealed class Session
{
    private readonly SessionPulse _pulse;
    private readonly TaskCompletionSource<SessionEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Farewell _farewell;
    private readonly SessionLinks _links;
    private SessionEnd? _end;

    /// <param name="role">Which end this is: the server opens streams, the agent accepts them.</param>
    public Session(LinkRole role, SessionOptions options, ISessionUser user)
    {
        options.Validate();
        Role = role;
        User = user;
        Options = options;
        var clock = new SessionClock(options.Time);
        WriterSignal = new AsyncSignal(options.WriterScheduler);
        Streams = new SessionStreams(
            options,
            clock,
            new FloodGuard(options.FloodAtOnce, options.FloodPerSecond),
            WriterSignal);
        var arrivals = new StreamArrivals(Streams);
        var departures = new StreamDepartures(Streams);
        _farewell = new Farewell(this);
        _pulse = new SessionPulse(this, clock);
        _links = new SessionLinks(
            this, _pulse, () => new SessionReader(this, _pulse, _farewell, arrivals), () => new SessionWriter(this, departures));
    }

    public LinkRole Role { get; }

    public SessionOptions Options { get; }

    /// <summary>Streams that are not closed yet.</summary>
    public int OpenStreams => Streams.Count;

    /// <summary>Streams opened and broken off since the session began.</summary>
    public StreamAccount Account => Streams.Account;

    /// <summary>Adds the streams that are open at this moment. It costs as many steps as there are.</summary>
    public void CopyStreams(List<ITunnelStream> streams)
    {
        lock (Streams.Gate)
        {
            streams.AddRange(Streams.Table.Lives);
        }
    }

    /// <summary>Streams are open, or the peer has not acknowledged all that was sent. A glance.</summary>
    public bool IsBusy => Streams.Count > 0 || Streams.Replay.Unacknowledged > 0;

    /// <summary>No new streams: one of the two sides has said that it leaves.</summary>
    public bool IsLeaving => Streams.OpensAreOver;

    /// <summary>There is a link. A glance: it may be lost already, and nobody has noticed.</summary>
    public bool IsAttached => Streams.IsAttached;

    /// <summary>The least round trip of the last ten seconds; null until one was measured.</summary>
    public TimeSpan? RoundTrip => Streams.Clock.LeastRoundTrip;

    /// <summary>When the last byte came from the peer, on a clock of the session's own. A glance: what changes it is life.</summary>
    public TimeSpan LastByteAt => _pulse.LastByte;

    /// <summary>Sequenced bytes sent and received so far.</summary>
    public (ulong Sent, ulong Acknowledged, ulong Received) Counts =>
        (Streams.Replay.Count, Streams.Replay.Acknowledged, Streams.Received.Count);

    /// <summary>Completes with the reason when the session has ended.</summary>
    public Task<SessionEnd> Ended => _ended.Task;

    internal ISessionUser User { get; }

    internal SessionStreams Streams { get; }

    internal AsyncSignal WriterSignal { get; }

    /// <summary>Code and sentence of the CLOSE that is to be sent.</summary>
    internal (CloseCode Code, string Sentence)? CloseToSend { get; private set; }

    internal bool IsEnded => Volatile.Read(ref _end) is not null;

    /// <summary>Ended by a CLOSE, ours or the peer's.</summary>
    internal bool HasClosed => Volatile.Read(ref _end) is { Kind: not SessionEndKind.LinkLost };

    /// <summary>
    /// Opens a stream; the server's side only. Null when none may be opened: the limit is reached, or the session
    /// is detached, leaves or has ended. OPEN goes out with the first flush. When the link is lost before, the stream ends
    /// as <see cref="ResetCode.NotProcessed"/>, so that its user may try elsewhere, unless that is pinned
    /// (<see cref="TunnelStream.TryPin"/>).
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

    /// <summary>Sends BIND, BOUND, UNBIND or UNBOUND. A peer that reads none of them for too long is a flood.</summary>
    public void Send<T>(FrameKind kind, T message)
        where T : class, IJsonMessage
    {
        if (kind is not (FrameKind.Bind or FrameKind.Bound or FrameKind.Unbind or FrameKind.Unbound))
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

    /// <summary>
    /// Completes when every stream that was opened has its OPEN in the sequence, or has ended: whoever opens no more may
    /// <see cref="Leave"/> then, and none of them ends as <see cref="ResetCode.NotProcessed"/> for it.
    /// </summary>
    public Task WhenOpensHaveLeftAsync() => Streams.WhenOpensHaveLeftAsync();

    /// <summary>Ends the session with CLOSE; streams still open are lost. The first reason stays.</summary>
    public void Close(CloseCode code, string message) =>
        End(new SessionEnd(SessionEndKind.ClosedHere, code, message));

    /// <summary>
    /// The session's life: completes when it has ended, its loops have stopped and every stream has been told. Call it once,
    /// before the first link.
    /// </summary>
    public async Task<SessionEnd> RunAsync()
    {
        _pulse.Start();
        SessionEnd end = await Ended;
        await _pulse.DisposeAsync();
        await _links.WhenStoppedAsync();
        Streams.EndAll(end.Message);
        return end;
    }

    /// <summary>
    /// Gives the session its first or next link; only when it has none (<see cref="DetachAsync"/>). Completes when the
    /// session has let go of the link, whose pipes are completed then; the session may live on.
    /// </summary>
    /// <param name="link">Ready for the first frame after the handshake.</param>
    /// <param name="peerCount">Sequenced bytes that the peer says it has received.</param>
    /// <returns>False when the link was not taken: the session had ended, or ends because of this count.</returns>
    public Task<bool> AttachAsync(IDuplexPipe link, ulong peerCount) => _links.AttachAsync(link, peerCount);

    /// <summary>
    /// Gives the present link up, if there is one, and returns the count to state in HELLO or WELCOME: sequenced bytes
    /// received, once nothing more can be received. The session waits for another link for the resume window.
    /// </summary>
    public Task<ulong> DetachAsync() => _links.DetachAsync();

    /// <summary>
    /// Whether the session can go on for a peer that has received so much; only while detached. If it cannot, nothing can
    /// mend it, and it ends.
    /// </summary>
    public bool CanResumeAt(ulong peerCount) => _links.CanResumeAt(peerCount);

    /// <summary>
    /// Asks the peer for a sign of life. False when no byte at all came within this time, or there is no link. Judges
    /// nothing: the heartbeat goes on as before.
    /// </summary>
    public Task<bool> IsAliveAsync(TimeSpan within, CancellationToken cancel = default) => _pulse.IsAliveAsync(within, cancel);

    internal static SessionEnd Lost(string message) => new(SessionEndKind.LinkLost, CloseCode.Normal, message);

    /// <summary>A rule was broken by the peer.</summary>
    internal void End(ProtocolViolationException violation) => Close(violation.Code, violation.Message);

    /// <summary>A fault of ours: our log gets all of it, the peer the code alone.</summary>
    internal void EndByFault(Exception error) => End(
        new SessionEnd(SessionEndKind.ClosedHere, CloseCode.InternalError, error.ToString()),
        "a fault on this side; its log has more");

    internal void End(SessionEnd end) => End(end, end.Message);

    /// <summary>Sending has failed, and the peer's CLOSE may still lie unread before the end of the link: a moment to find it.</summary>
    internal void LoseSoon(string reason)
    {
        if (!IsEnded)
        {
            _pulse.LoseWithin(Options.CloseTime, reason);
        }
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
        where T : class, IJsonMessage
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

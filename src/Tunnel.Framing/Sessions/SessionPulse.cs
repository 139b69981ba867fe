using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// All that a session does because time passes: heartbeat, late acknowledgements, the round trip's measurement and
/// the end of a grace. One timer, armed for the next thing that is due.
/// </summary>
internal sealed class SessionPulse : IAsyncDisposable
{
    private static readonly TimeSpan AckDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan BusyBeat = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan IdleBeat = TimeSpan.FromSeconds(5);

    private readonly Session _session;
    private readonly SessionClock _clock;
    private readonly Heartbeat _heartbeat;
    private ITimer? _timer;
    private readonly Lock _lock = new();

    private TimeSpan _due = TimeSpan.MaxValue;
    private TimeSpan? _ackAt;
    private volatile bool _ackIsArmed;
    private TimeSpan? _leaveAt;
    private TimeSpan? _loseAt;
    private string _loseReason = "";
    private TimeSpan _lastMeasured;
    private ulong _pingNumber;
    private TimeSpan? _pingSentAt;
    private long _lastByteTicks;

    public SessionPulse(Session session, SessionClock clock)
    {
        _session = session;
        _clock = clock;
        _heartbeat = new Heartbeat(session.Options.BusyHeartbeat, session.Options.IdleHeartbeat);
    }

    /// <summary>The link is up: measures a first round trip, begins to listen for silence.</summary>
    public void Start()
    {
        lock (_lock)
        {
            _timer = _session.Options.Time.CreateTimer(
                static state => ((SessionPulse)state!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            OnBytes();
            Measure(_clock.Now);
            Arm(_clock.Now + Beat);
        }
    }

    public void OnBytes() => Volatile.Write(ref _lastByteTicks, _clock.Now.Ticks);

    public void OnPong(ulong number)
    {
        lock (_lock)
        {
            if (_pingSentAt is { } sent && number == _pingNumber)
            {
                _pingSentAt = null;
                _clock.Observe(_clock.Now - sent);
            }
        }
    }

    /// <summary>The session became busy: silence counts sooner.</summary>
    public void Quicken()
    {
        TimeSpan at = _clock.Now + BusyBeat;
        if (at < _due)
        {
            lock (_lock)
            {
                Arm(at);
            }
        }
    }

    /// <summary>Something was received that the peer should hear of within 100 ms.</summary>
    public void AcknowledgeSoon()
    {
        if (!_ackIsArmed)
        {
            lock (_lock)
            {
                _ackIsArmed = true;
                _ackAt = _clock.Now + AckDelay;
                Arm(_ackAt.Value);
            }
        }
    }

    public void LeaveWithin(TimeSpan grace)
    {
        lock (_lock)
        {
            _leaveAt = _clock.Now + grace;
            Arm(_leaveAt.Value);
        }
    }

    public void LoseWithin(TimeSpan time, string reason)
    {
        lock (_lock)
        {
            _loseReason = reason;
            _loseAt = _clock.Now + time;
            Arm(_loseAt.Value);
        }
    }

    public ValueTask DisposeAsync() => _timer?.DisposeAsync() ?? ValueTask.CompletedTask;

    private TimeSpan Beat => _session.IsBusy ? BusyBeat : IdleBeat;

    private void OnTimer()
    {
        bool closes;
        bool isLost = false;
        string reason = "";
        lock (_lock)
        {
            TimeSpan now = _clock.Now;
            _due = TimeSpan.MaxValue;
            if (_ackAt <= now)
            {
                _ackAt = null;
                _ackIsArmed = false;
                _session.RequestAck();
            }

            switch (_heartbeat.Decide(now, new TimeSpan(Volatile.Read(ref _lastByteTicks)), _session.IsBusy))
            {
                case HeartbeatAction.Ping:
                    Ping(now);
                    break;
                case HeartbeatAction.Lost:
                    isLost = true;
                    reason = "Nothing was heard from the peer.";
                    break;
            }

            if (_session.Streams.HasReceived && now - _lastMeasured >= BusyBeat)
            {
                Measure(now);
            }

            closes = _leaveAt <= now;
            if (_loseAt <= now)
            {
                isLost = true;
                reason = _loseReason;
            }

            Arm(Earliest(now + Beat, _ackAt, closes ? null : _leaveAt, _loseAt));
        }

        if (isLost)
        {
            _session.End(Session.Lost(reason));
        }
        else if (closes)
        {
            _session.Close(CloseCode.Normal, "the grace is over");
        }

        _session.CloseIfDrained();
    }

    private void Measure(TimeSpan now)
    {
        _session.Streams.HasReceived = false;
        _lastMeasured = now;
        Ping(now);
    }

    private void Ping(TimeSpan now)
    {
        _pingSentAt = now;
        _session.RequestPing(++_pingNumber);
    }

    private void Arm(TimeSpan at)
    {
        if (at < _due)
        {
            _due = at;
            TimeSpan wait = at - _clock.Now;
            _timer?.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    private static TimeSpan Earliest(TimeSpan first, params ReadOnlySpan<TimeSpan?> others)
    {
        foreach (TimeSpan? other in others)
        {
            first = other < first ? other.Value : first;
        }

        return first;
    }
}

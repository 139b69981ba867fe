namespace Tunnel.Framing.Sessions;

/// <summary>
/// All that a session does because time passes: heartbeat, late acknowledgements, the round trip's measurement, the end
/// of a grace and that of the resume window. One timer, armed for the next thing that is due.
/// </summary>
internal sealed class SessionPulse : IAsyncDisposable
{
    private static readonly TimeSpan AckDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MeasureEvery = TimeSpan.FromSeconds(1);

    private readonly Session _session;
    private readonly SessionClock _clock;
    private readonly LifeSign _sign;
    private readonly Lock _lock = new();

    // Guarded by the lock, unless it says otherwise. Under it the session's own lock may be taken, never the other
    // way round.
    private ITimer? _timer;
    private Heartbeat? _heartbeat;
    private SessionLink? _link;
    private TimeSpan _due = TimeSpan.MaxValue;
    private TimeSpan? _ackAt;
    private volatile bool _ackIsArmed;
    private TimeSpan? _leaveAt;
    private TimeSpan? _loseAt;
    private string _loseReason = "";
    private TimeSpan? _expireAt;
    private TimeSpan _lastMeasured;
    private ulong _pingNumber;

    // The PING that measures, until it is answered: on a long way others may be sent meanwhile.
    private (ulong Number, TimeSpan SentAt)? _measuring;

    // Written by the reader loop without the lock.
    private long _lastByteTicks;

    public SessionPulse(Session session, SessionClock clock)
    {
        _session = session;
        _clock = clock;
        _sign = new LifeSign(session.Options.Time);
    }

    public TimeSpan LastByte => new(Volatile.Read(ref _lastByteTicks));

    /// <summary>The session begins, without a link yet.</summary>
    public void Start()
    {
        lock (_lock)
        {
            _timer = _session.Options.Time.CreateTimer(
                static state => ((SessionPulse)state!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            ArmNext(_clock.Now);
        }
    }

    /// <summary>A link is up: measures a first round trip, begins to listen for silence.</summary>
    public void Attach(SessionLink link)
    {
        lock (_lock)
        {
            _link = link;
            _heartbeat = new Heartbeat(_session.Options.BusyHeartbeat, _session.Options.IdleHeartbeat);
            _expireAt = null;
            Volatile.Write(ref _lastByteTicks, _clock.Now.Ticks);
            Measure(_clock.Now);
            ArmNext(_clock.Now);
        }
    }

    /// <summary>The link is gone: no silence counts, and the session ends unless another one comes in time.</summary>
    public void Detach(TimeSpan window)
    {
        lock (_lock)
        {
            _link = null;
            _heartbeat = null;
            _measuring = null;
            _loseAt = null;
            _ackAt = null;
            _ackIsArmed = false;
            _expireAt = _clock.Now + window;
            ArmNext(_clock.Now);
        }

        _sign.OnGone();
    }

    public void OnBytes()
    {
        Volatile.Write(ref _lastByteTicks, _clock.Now.Ticks);
        _sign.OnBytes();
    }

    /// <summary>Asks for a sign of life, and whether it comes in time.</summary>
    public async Task<bool> IsAliveAsync(TimeSpan within, CancellationToken cancel)
    {
        Task<bool> next = _sign.NextAsync();
        lock (_lock)
        {
            if (_heartbeat is null)
            {
                return false;
            }

            Ping(_clock.Now);
        }

        return await _sign.WaitAsync(next, _session.Ended, within, cancel);
    }

    public void OnPong(ulong number)
    {
        lock (_lock)
        {
            if (_measuring is not { } ping || number < ping.Number)
            {
                return;
            }

            _measuring = null;
            if (number == ping.Number)
            {
                // A PONG for a later one stands for this one, too, but says nothing about its time.
                _clock.Observe(_clock.Now - ping.SentAt);
            }
        }
    }

    /// <summary>The session may have become busy: silence counts sooner.</summary>
    public void Quicken()
    {
        lock (_lock)
        {
            if (_heartbeat is not null)
            {
                Arm(LastByte + _session.Options.BusyHeartbeat.Ask);
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

    public ValueTask DisposeAsync()
    {
        ITimer? timer;
        lock (_lock)
        {
            timer = _timer;
            _timer = null;
        }

        return timer?.DisposeAsync() ?? ValueTask.CompletedTask;
    }

    private void OnTimer()
    {
        bool graceIsOver;
        bool isExpired;
        string? lost = null;
        SessionLink? link;
        lock (_lock)
        {
            // What is decided here is about this link, also when another one has taken its place a moment later.
            link = _link;
            TimeSpan now = _clock.Now;
            if (TakeDue(ref _ackAt, now))
            {
                // Before the request: whoever sees it unarmed arms it again, whoever saw it armed is covered by it.
                _ackIsArmed = false;
                _session.RequestAck();
            }

            switch (_heartbeat?.Decide(now, LastByte, _session.IsBusy))
            {
                case HeartbeatAction.Ping:
                    Ping(now);
                    break;
                case HeartbeatAction.Lost:
                    lost = "Nothing was heard from the peer.";
                    break;
            }

            if (_heartbeat is not null && _measuring is null && _session.Streams.HasReceived && now - _lastMeasured >= MeasureEvery)
            {
                Measure(now);
            }

            if (TakeDue(ref _loseAt, now))
            {
                lost ??= _loseReason;
            }

            graceIsOver = TakeDue(ref _leaveAt, now);
            isExpired = TakeDue(ref _expireAt, now);
            ArmNext(now);
        }

        if (lost is not null)
        {
            link?.OnLost(lost);
        }

        if (isExpired)
        {
            _session.End(Session.Lost($"The link was lost, and no other came within {_session.Options.ResumeWindow.TotalSeconds:0.#} s."));
        }
        else if (graceIsOver)
        {
            _session.Close(Frames.CloseCode.Normal, "the grace is over");
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
        _measuring ??= (_pingNumber + 1, now);
        _session.RequestPing(++_pingNumber);
    }

    private static bool TakeDue(ref TimeSpan? at, TimeSpan now)
    {
        bool isDue = at <= now;
        at = isDue ? null : at;
        return isDue;
    }

    private void ArmNext(TimeSpan now)
    {
        bool isBusy = _session.IsBusy;
        _due = TimeSpan.MaxValue;
        TimeSpan?[] all =
            [_heartbeat?.NextAt(LastByte, isBusy), isBusy && _heartbeat is not null ? now + MeasureEvery : null, _ackAt, _leaveAt, _loseAt, _expireAt];
        Arm(all.Min() ?? TimeSpan.MaxValue);
    }

    private void Arm(TimeSpan at)
    {
        // Before the link is up there is no timer; Start arms it for all that was asked for until then.
        if (at >= _due || _timer is null)
        {
            return;
        }

        // Timers count in whole milliseconds and cut the rest: one that came a little early would only come again.
        _due = at;
        double wait = Math.Ceiling((at - _clock.Now).TotalMilliseconds);
        _timer.Change(TimeSpan.FromMilliseconds(Math.Max(wait, 1)), Timeout.InfiniteTimeSpan);
    }
}

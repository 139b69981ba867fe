namespace Tunnel.Framing.Sessions;

/// <summary>When a silent link is asked, and when it is given up (docs/protocol.md, section 6).</summary>
/// <param name="Ask">Silence after which a PING is sent.</param>
/// <param name="GiveUp">Further silence after which the link is lost.</param>
public readonly record struct HeartbeatTimes(TimeSpan Ask, TimeSpan GiveUp)
{
    public static HeartbeatTimes Busy { get; } = new(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3));

    public static HeartbeatTimes Idle { get; } = new(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10));
}

internal enum HeartbeatAction
{
    None,
    Ping,
    Lost,
}

/// <summary>Decides from the silence alone. Pure: the caller brings the clock's readings.</summary>
internal sealed class Heartbeat(HeartbeatTimes busy, HeartbeatTimes idle)
{
    private TimeSpan? _askedAt;
    private bool _askedWhileBusy;

    /// <summary>What is due at <paramref name="now"/>, given when the last byte came.</summary>
    public HeartbeatAction Decide(TimeSpan now, TimeSpan lastByte, bool isBusy)
    {
        HeartbeatTimes times = isBusy ? busy : idle;

        // A PING sent while idle was given more time than a busy link has: it is asked again, not judged by the
        // shorter time at once. An answer may come within the same tick of the clock as the question.
        if (_askedAt <= lastByte || (isBusy && !_askedWhileBusy))
        {
            _askedAt = null;
        }

        if (now - lastByte < times.Ask)
        {
            return HeartbeatAction.None;
        }

        if (_askedAt is not { } askedAt)
        {
            _askedAt = now;
            _askedWhileBusy = isBusy;
            return HeartbeatAction.Ping;
        }

        return now - askedAt >= times.GiveUp ? HeartbeatAction.Lost : HeartbeatAction.None;
    }

    /// <summary>When to decide again if nothing comes until then; right after <see cref="Decide"/> only.</summary>
    public TimeSpan NextAt(TimeSpan lastByte, bool isBusy)
    {
        HeartbeatTimes times = isBusy ? busy : idle;
        return _askedAt is { } asked && asked > lastByte ? asked + times.GiveUp : lastByte + times.Ask;
    }
}

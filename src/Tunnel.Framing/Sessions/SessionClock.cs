using Tunnel.Framing.Flow;

namespace Tunnel.Framing.Sessions;

/// <summary>The session's own time: what has passed since it began, and how long a round trip takes.</summary>
internal sealed class SessionClock(TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();
    private readonly RoundTripTime _roundTrip = new();
    private readonly Lock _lock = new();

    public TimeSpan Now => time.GetElapsedTime(_start);

    /// <summary>The least round trip of the last ten seconds; null until one was measured.</summary>
    public TimeSpan? LeastRoundTrip
    {
        get
        {
            lock (_lock)
            {
                return _roundTrip.Least(Now);
            }
        }
    }

    public void Observe(TimeSpan roundTrip)
    {
        lock (_lock)
        {
            _roundTrip.Observe(roundTrip, Now);
        }
    }
}

using Tunnel.Server.Forwarding;
using Tunnel.Transport;

namespace Tunnel.Server.Edge;

/// <summary>
/// Looks, while flushes to a visitor have to wait, whether it takes what was sent at the least pace (docs/operating.md, "Limits");
/// one that does not is cut. A connection has one from the first flush that had to wait.
/// </summary>
internal sealed class FlushWatch : IDeadlineTarget
{
    private readonly IConnection _connection;
    private readonly EdgeServices _services;
    private readonly Deadline _deadline;

    // Touched while a flush waits, by the clock while the deadline passes; else by the flushing side alone.
    private Pace _pace;
    private long _waitsSince;
    private TimeSpan _waited;
    private long _delivered;

    public FlushWatch(IConnection connection, EdgeServices services)
    {
        _connection = connection;
        _services = services;
        _pace = new Pace(services.Options.Visitors.Pace);
        _deadline = services.Clock.Add(this);
    }

    /// <summary>A flush waits.</summary>
    public void Begin()
    {
        _waitsSince = _services.Time.GetTimestamp();
        _deadline.Set(_pace.Left - _waited);
    }

    /// <summary>It is through.</summary>
    public void End()
    {
        // What was delivered is asked for only when the time seems up: a flush that waits a little costs no system call.
        _deadline.Clear();
        _waited += _services.Time.GetElapsedTime(_waitsSince);
    }

    /// <summary>The clock no longer watches.</summary>
    public void Close() => _services.Clock.Remove(_deadline);

    void IDeadlineTarget.OnDeadline()
    {
        Measure();
        if (_pace.Left <= TimeSpan.Zero)
        {
            _connection.Abort();
        }
        else
        {
            _deadline.Set(_pace.Left);
        }
    }

    private void Measure()
    {
        long now = _services.Time.GetTimestamp();
        long delivered = _connection.Delivered;
        _pace.Waited(_waited + _services.Time.GetElapsedTime(_waitsSince, now), delivered - _delivered);
        _waitsSince = now;
        _waited = TimeSpan.Zero;
        _delivered = delivered;
    }
}

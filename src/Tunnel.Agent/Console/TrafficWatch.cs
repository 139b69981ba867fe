using Tunnel.Agent.Local;
using Tunnel.Framing.Frames;

namespace Tunnel.Agent.Console;

/// <summary>What the picture shows of requests: figures for each tunnel, and the last ones. Bounded; safe from any thread.</summary>
internal sealed class TrafficWatch(TimeProvider time) : IExchangeWatch
{
    /// <summary>More than the tallest terminal shows.</summary>
    public const int MostRecent = 100;

    private readonly Lock _lock = new();
    private readonly Dictionary<uint, TunnelTraffic> _tunnels = [];
    private readonly WatchedExchange[] _recent = new WatchedExchange[MostRecent];
    private long _ended;
    private long _changes;

    /// <summary>Grows with everything that happens.</summary>
    public long Changes => Interlocked.Read(ref _changes);

    public IExchangeObserver Begin(in OpenHeader open)
    {
        TunnelTraffic traffic = Of(open.TunnelId);
        traffic.Began();
        Interlocked.Increment(ref _changes);
        return new WatchedExchange(open, traffic, time, Ended);
    }

    /// <summary>The figures of a tunnel, which may have had no request yet.</summary>
    public TunnelTraffic Of(uint tunnelId)
    {
        lock (_lock)
        {
            if (!_tunnels.TryGetValue(tunnelId, out TunnelTraffic? traffic))
            {
                _tunnels[tunnelId] = traffic = new TunnelTraffic(time);
            }

            return traffic;
        }
    }

    /// <summary>Forgets the figures of all other tunnels.</summary>
    public void Keep(IReadOnlyCollection<uint> tunnelIds)
    {
        lock (_lock)
        {
            foreach (uint gone in _tunnels.Keys.Except(tunnelIds).ToArray())
            {
                _tunnels.Remove(gone);
            }
        }
    }

    /// <summary>The last exchanges that have ended, the latest first.</summary>
    public IReadOnlyList<WatchedExchange> Recent()
    {
        lock (_lock)
        {
            var recent = new WatchedExchange[Math.Min(_ended, MostRecent)];
            for (int i = 0; i < recent.Length; i++)
            {
                recent[i] = _recent[(_ended - 1 - i) % MostRecent];
            }

            return recent;
        }
    }

    private void Ended(WatchedExchange exchange)
    {
        lock (_lock)
        {
            _recent[_ended++ % MostRecent] = exchange;
        }

        Interlocked.Increment(ref _changes);
    }
}

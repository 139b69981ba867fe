namespace Tunnel.Agent.Console;

/// <summary>What went through a tunnel, at one moment.</summary>
/// <param name="Rate">Requests a second, over the last ten.</param>
/// <param name="Median">Of the times of the last requests; null: there was none.</param>
/// <param name="Slow">Nine in ten were faster.</param>
internal readonly record struct TrafficFigures(int Open, long Total, double Rate, TimeSpan? Median, TimeSpan? Slow, long Bytes);

/// <summary>Counts what goes through one tunnel. Safe from any thread.</summary>
internal sealed class TunnelTraffic(TimeProvider time)
{
    /// <summary>Requests whose times are kept.</summary>
    public const int MostTimes = 256;

    private const int RateSeconds = 10;

    private readonly Lock _lock = new();
    private readonly TimeSpan[] _times = new TimeSpan[MostTimes];
    private readonly int[] _begun = new int[RateSeconds];
    private readonly long _since = time.GetTimestamp();
    private long _second;
    private long _timed;
    private int _open;
    private long _total;
    private long _bytes;

    public void Began()
    {
        lock (_lock)
        {
            _open++;
            _total++;
            _begun[Turn()]++;
        }
    }

    public void Passed(long bytes) => Interlocked.Add(ref _bytes, bytes);

    /// <param name="duration">Null: it says nothing.</param>
    public void Ended(TimeSpan? duration)
    {
        lock (_lock)
        {
            _open--;
            if (duration is { } one)
            {
                _times[_timed++ % MostTimes] = one;
            }
        }
    }

    public TrafficFigures Read()
    {
        lock (_lock)
        {
            Turn();
            TimeSpan[] times = _times[..(int)Math.Min(_timed, MostTimes)];
            Array.Sort(times);
            return new TrafficFigures(
                _open,
                _total,
                _begun.Sum() / (double)RateSeconds,
                times.Length == 0 ? null : times[times.Length / 2],
                times.Length == 0 ? null : times[times.Length * 9 / 10],
                Interlocked.Read(ref _bytes));
        }
    }

    // The lock is held. Forgets what is older than ten seconds; returns the place of the present second.
    private int Turn()
    {
        long now = (long)time.GetElapsedTime(_since).TotalSeconds;
        for (long second = Math.Max(_second + 1, now - RateSeconds + 1); second <= now; second++)
        {
            _begun[second % RateSeconds] = 0;
        }

        _second = now;
        return (int)(now % RateSeconds);
    }
}

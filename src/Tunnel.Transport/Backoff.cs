namespace Tunnel.Transport;

/// <summary>
/// How long to wait before the next try. First 0 to 250 ms at random, then a random time between 250 ms and a bound
/// that doubles from 500 ms to 15 s. Keeps no clock: its owner says how long a link was healthy.
/// </summary>
/// <remarks>Not thread-safe; it belongs to one loop.</remarks>
public sealed class Backoff(Random random)
{
    /// <summary>The most the first retry waits, and the least every later one does.</summary>
    public static readonly TimeSpan First = TimeSpan.FromMilliseconds(250);

    /// <summary>The most any retry waits.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(15);

    /// <summary>A link that lasted this long makes the next loss a first one again.</summary>
    public static readonly TimeSpan Healthy = TimeSpan.FromSeconds(30);

    private TimeSpan? _named;
    private TimeSpan _bound = First;
    private TimeSpan _earned;
    private bool _mayHurry;

    /// <summary>The delay before the next try. Every call counts as a try.</summary>
    public TimeSpan Next()
    {
        if (_named is { } named)
        {
            _named = null;
            return named;
        }

        if (_mayHurry)
        {
            _mayHurry = false;

            // The next one must be earned by a link that lasts longer.
            _earned = _earned > First ? _earned * 2 : First * 2;
            return First * random.NextDouble();
        }

        var least = _bound == First ? TimeSpan.Zero : First;
        var delay = least + ((_bound - least) * random.NextDouble());
        _bound = TimeSpan.FromTicks(Math.Min(_bound.Ticks * 2, Longest.Ticks));
        return delay;
    }

    /// <summary>
    /// A link ended after it had been healthy for this long. That earns a quick first try, each one by a link that lasted
    /// twice as long as for the one before; the waits go on from where they were. One that lasted, or did what links are for,
    /// starts it all over.
    /// </summary>
    /// <param name="hasCarried">Something of what is tunnelled went over it: whatever is wrong, the server is there.</param>
    public void LinkEnded(TimeSpan healthyFor, bool hasCarried)
    {
        if (healthyFor >= Healthy || hasCarried)
        {
            _bound = First;
            _earned = TimeSpan.Zero;
        }

        _mayHurry = healthyFor > _earned;
    }

    /// <summary>The server named a delay: the next try waits that long, the one after it as it would have now.</summary>
    public void ServerNamed(TimeSpan delay)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        _named = delay;
    }
}

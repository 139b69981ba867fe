using System.Net;
using Tunnel.Transport;

namespace Tunnel.Server.Identity;

/// <summary>
/// Failed proofs (tokens, passwords) per address. An address has a few tries at once and a slow supply of further ones;
/// without any it is refused before it costs anything. IPv6 addresses count by their /64, which is what one customer has.
/// Bounded, and safe from any thread.
/// </summary>
/// <param name="isLoopbackFree">Whether this machine's own addresses have as many tries as they like.</param>
internal sealed class AddressThrottle(TimeProvider time, bool isLoopbackFree = true)
{
    /// <summary>Wrong ones an address may show at once.</summary>
    public const int AtOnce = 10;

    /// <summary>One more try after so long.</summary>
    public static readonly TimeSpan Supply = TimeSpan.FromSeconds(5);

    /// <summary>An address that failed so long ago is as good as any other.</summary>
    public static readonly TimeSpan Memory = Supply * AtOnce;

    /// <summary>Addresses that are remembered; beyond it the oldest are forgotten.</summary>
    internal const int MostAddresses = 16_384;

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, Entry> _entries = [];
    private readonly long _start = time.GetTimestamp();
    private TimeSpan _nextSweep;

    /// <summary>Addresses with something to remember.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _entries.Count;
            }
        }
    }

    private TimeSpan Now => time.GetElapsedTime(_start);

    /// <summary>Whether a link from there may go on to prove itself.</summary>
    public bool MayTry(IPAddress address) => TriesOf(address) >= 1;

    /// <summary>How many proofs an address may have under way at this moment, so that all of them may turn out wrong.</summary>
    public int TriesOf(IPAddress address)
    {
        if (isLoopbackFree && IPAddress.IsLoopback(address))
        {
            return int.MaxValue;
        }

        lock (_lock)
        {
            return _entries.TryGetValue(CustomerAddress.Of(address), out Entry? entry) ? (int)entry.TriesLeft(Now) : AtOnce;
        }
    }

    /// <summary>A token or a password was wrong.</summary>
    public void Failed(IPAddress address)
    {
        TimeSpan now = Now;
        lock (_lock)
        {
            Sweep(now);
            IPAddress key = CustomerAddress.Of(address);
            if (!_entries.TryGetValue(key, out Entry? entry))
            {
                _entries[key] = entry = new Entry(now);
            }

            entry.Spend(now);
        }
    }

    // Forgets who has been quiet; when there are too many all the same, who failed longest ago.
    private void Sweep(TimeSpan now)
    {
        if (now < _nextSweep && _entries.Count < MostAddresses)
        {
            return;
        }

        _nextSweep = now + Memory;
        foreach ((IPAddress address, Entry entry) in _entries)
        {
            if (entry.IsOver(now))
            {
                _entries.Remove(address);
            }
        }

        if (_entries.Count >= MostAddresses)
        {
            foreach (IPAddress address in _entries.OrderBy(entry => entry.Value.Last).Take(MostAddresses / 8).Select(entry => entry.Key).ToArray())
            {
                _entries.Remove(address);
            }
        }
    }

    private sealed class Entry(TimeSpan now)
    {
        private double _tries = AtOnce;

        public TimeSpan Last { get; private set; } = now;

        public double TriesLeft(TimeSpan now) => Math.Min(AtOnce, _tries + ((now - Last) / Supply));

        public void Spend(TimeSpan now)
        {
            _tries = Math.Max(0, TriesLeft(now) - 1);
            Last = now;
        }

        public bool IsOver(TimeSpan now) => now - Last >= Memory;
    }
}

using System.Net;
using Microsoft.Extensions.Logging;
using Tunnel.Transport;

namespace Tunnel.Server.Diagnostics;

/// <summary>
/// Log lines that anybody can provoke, each about one peer: one a minute for a peer (IPv6: its /64) and matter, with the count of
/// those that were left out, and so many in all, so that neither one stranger nor a thousand of them fill a disk. Safe from any thread.
/// </summary>
internal sealed class PeerLines(TimeProvider time, ILogger log)
{
    /// <summary>One peer has one line on a matter in this time.</summary>
    public static readonly TimeSpan Between = TimeSpan.FromMinutes(1);

    /// <summary>Lines in that time, whoever they are about.</summary>
    public const int Most = 100;

    private readonly Lock _lock = new();
    private readonly Dictionary<(IPAddress Peer, string Matter), Entry> _entries = [];
    private readonly long _start = time.GetTimestamp();
    private TimeSpan _begun;
    private int _written;
    private long _leftOut;

    /// <summary>Peers and matters that are remembered: no more than had a line in the last two minutes.</summary>
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

    /// <summary>Something is to be said about a peer.</summary>
    /// <param name="matter">What it is about; a few words of ours, or names of the owner's.</param>
    /// <returns>How often that was the case since the last line, this one included; 0: no line is due.</returns>
    public int Due(IPAddress peer, string matter)
    {
        long leftOut;
        int count;
        lock (_lock)
        {
            TimeSpan now = time.GetElapsedTime(_start);
            leftOut = BeginAnew(now);
            count = CountOf((CustomerAddress.Of(peer), matter), now);
        }

        if (leftOut > 0)
        {
            ServerLog.LinesLeftOut(log, leftOut);
        }

        return count;
    }

    // The number of lines that the time that is over did not get, if it is over.
    private long BeginAnew(TimeSpan now)
    {
        if (now - _begun < Between)
        {
            return 0;
        }

        _begun = now;
        _written = 0;
        foreach (((IPAddress Peer, string Matter) key, Entry entry) in _entries)
        {
            if (now - entry.SaidAt >= Between + Between)
            {
                _entries.Remove(key);
            }
        }

        (long leftOut, _leftOut) = (_leftOut, 0);
        return leftOut;
    }

    private int CountOf((IPAddress Peer, string Matter) key, TimeSpan now)
    {
        if (_entries.TryGetValue(key, out Entry? entry) && now - entry.SaidAt < Between)
        {
            entry.Unsaid++;
            return 0;
        }

        if (_written >= Most)
        {
            _leftOut++;
            return 0;
        }

        _written++;
        entry ??= _entries[key] = new Entry();
        int count = entry.Unsaid + 1;
        entry.SaidAt = now;
        entry.Unsaid = 0;
        return count;
    }

    private sealed class Entry
    {
        public TimeSpan SaidAt { get; set; }

        public int Unsaid { get; set; }
    }
}

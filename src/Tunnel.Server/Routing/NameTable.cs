namespace Tunnel.Server.Routing;

/// <summary>
/// The names that are known: served, remembered for a while after their last session, or waited at. Guarded by the
/// registry's lock.
/// </summary>
internal sealed class NameTable(TimeSpan memory)
{
    private static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(1);

    /// <summary>Names that nobody serves any more, of which something is still known: more than there are sessions.</summary>
    private const int MostWithWaitingPage = 8192;

    private readonly Dictionary<string, NameEntry> _names = new(StringComparer.Ordinal);
    private readonly RememberedNames _withWaitingPage = new(MostWithWaitingPage);
    private TimeSpan _nextSweep;

    /// <summary>Names with a session.</summary>
    public int Served => _names.Count(name => name.Value.Tunnels.Count > 0);

    public NameEntry? Find(ReadOnlySpan<char> name) =>
        _names.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out NameEntry? entry) ? entry : null;

    public NameEntry FindOrAdd(string name)
    {
        if (!_names.TryGetValue(name, out NameEntry? entry))
        {
            entry = new NameEntry(name);
            _names.Add(name, entry);
        }

        return entry;
    }

    /// <summary>
    /// Puts tunnels on their names, all or none. True: <paramref name="others"/> had to give way. False:
    /// <paramref name="others"/> stand in the way, and nothing changed.
    /// </summary>
    public bool TryClaim(IReadOnlyList<ServedTunnel> tunnels, TimeSpan now, out IReadOnlyList<ServedTunnel> others)
    {
        List<ServedTunnel> leave = [];
        List<ServedTunnel> conflicts = [];
        foreach (ServedTunnel tunnel in tunnels)
        {
            foreach (ServedTunnel held in Find(tunnel.Name)?.Tunnels ?? [])
            {
                switch (Takeover.Judge(tunnel, held))
                {
                    case TakeoverVerdict.Conflicts:
                        conflicts.Add(held);
                        break;
                    case TakeoverVerdict.Updates or TakeoverVerdict.Follows or TakeoverVerdict.Takes or TakeoverVerdict.Replaces:
                        leave.Add(held);
                        break;
                }
            }
        }

        if (conflicts.Count > 0)
        {
            others = conflicts;
            return false;
        }

        leave.ForEach(tunnel => Remove(tunnel, now));
        foreach (ServedTunnel tunnel in tunnels)
        {
            FindOrAdd(tunnel.Name).Tunnels.Add(tunnel);
        }

        others = leave;
        return true;
    }

    public void Remove(ServedTunnel tunnel, TimeSpan now)
    {
        if (Find(tunnel.Name) is { } entry && entry.Remove(tunnel, now) && entry.Tunnels.Count == 0)
        {
            _withWaitingPage.Set(tunnel.Name, tunnel.HasWaitingPage);
        }
    }

    /// <summary>
    /// Whether whoever opens a page there is to see that its agent is away, instead of a window that stays empty: its last tunnel
    /// wants that, and nobody is connected.
    /// </summary>
    public bool HasWaitingPage(ReadOnlySpan<char> name) => Find(name) is { Tunnels: { Count: > 0 } tunnels }
        ? tunnels[^1].HasWaitingPage && !tunnels.Exists(static tunnel => tunnel.Session is { IsAttached: true, IsLeaving: false })
        : _withWaitingPage.Contains(name);

    /// <summary>As if these had never been claimed: whoever gave way has the names again, unless it has let go of them since.</summary>
    public void TakeBack(IReadOnlyList<ServedTunnel> tunnels, IReadOnlyList<ServedTunnel> others, TimeSpan now)
    {
        foreach (ServedTunnel tunnel in tunnels)
        {
            Remove(tunnel, now);
        }

        foreach (ServedTunnel other in others.Where(other => !other.IsOver))
        {
            FindOrAdd(other.Name).Tunnels.Add(other);
        }
    }

    /// <summary>What serves the name, or served it a moment ago.</summary>
    public string? TypeOf(string name, TimeSpan now) =>
        Find(name) is { } entry && (entry.Tunnels.Count > 0 || IsRemembered(entry, now)) ? entry.Type : null;

    /// <summary>Whether the name's last session has gone so recently that it counts as known.</summary>
    public bool IsRemembered(NameEntry entry, TimeSpan now) => entry.EmptySince is { } since && now - since < memory;

    /// <summary>Also for an entry that was forgotten before: the name may have another one since, which stays.</summary>
    public void ForgetIfUnused(NameEntry entry, TimeSpan now)
    {
        if (entry.Tunnels.Count == 0 && entry.Waiting == 0 && !IsRemembered(entry, now) && Find(entry.Name) == entry)
        {
            _names.Remove(entry.Name);
        }
    }

    /// <summary>Forgets what nobody has served for a while; at most once a second, so it stays cheap.</summary>
    public void Sweep(TimeSpan now)
    {
        if (now < _nextSweep)
        {
            return;
        }

        _nextSweep = now + SweepEvery;
        foreach (NameEntry entry in _names.Values)
        {
            ForgetIfUnused(entry, now);
        }
    }
}

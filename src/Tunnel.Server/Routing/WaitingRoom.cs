namespace Tunnel.Server.Routing;

/// <summary>
/// All requests that wait, at whatever name: counts them, bounds them, and shares the room out. One name alone may take all
/// of it; when it is full, whoever takes most gives way to whoever takes less. Guarded by the registry's lock.
/// </summary>
internal sealed class WaitingRoom(HoldLimits limits)
{
    // The lightest first.
    private readonly SortedSet<NameEntry> _names = new(Comparer<NameEntry>.Create(static (one, other) =>
        one.Weight != other.Weight ? one.Weight.CompareTo(other.Weight) : string.CompareOrdinal(one.Name, other.Name)));

    private long _bytes;

    /// <summary>A glance without the lock.</summary>
    public int Count { get; private set; }

    /// <summary>The names at which somebody waits.</summary>
    public IReadOnlyCollection<NameEntry> Names => _names;

    /// <summary>
    /// Room for one more at a name: what is free, else the places of those who came last at the name that takes most. False
    /// when that is the name itself.
    /// </summary>
    /// <param name="entry">Null: nobody waits there.</param>
    /// <param name="ousted">Who has lost his place, whether it was enough or not.</param>
    public bool TryMakeRoom(NameEntry? entry, in RouteRequest request, List<HeldRequest> ousted)
    {
        long weight = (entry?.Weight ?? 0) + limits.WeightOf(request);
        while (Count >= limits.MostRequests || _bytes + request.Bytes > limits.MostBytes)
        {
            if (_names.Max is not { } heaviest || heaviest == entry || heaviest.Weight <= weight)
            {
                return false;
            }

            HeldRequest last = heaviest.Last!;
            Remove(last);
            ousted.Add(last);
        }

        return true;
    }

    public void Add(HeldRequest held)
    {
        held.Entry.Add(held);
        Count++;
        _bytes += held.Request.Bytes;
        Weigh(held.Entry, limits.WeightOf(held.Request));
    }

    /// <summary>Without effect when it has left before.</summary>
    public void Remove(HeldRequest held)
    {
        if (held.Place is null)
        {
            return;
        }

        held.Entry.Remove(held);
        Count--;
        _bytes -= held.Request.Bytes;
        Weigh(held.Entry, -limits.WeightOf(held.Request));
    }

    public List<HeldRequest> RemoveAll() => RemoveLate(TimeSpan.MaxValue);

    /// <summary>Takes out those whose time is over.</summary>
    public List<HeldRequest> RemoveLate(TimeSpan now)
    {
        List<HeldRequest> late = [];
        foreach (NameEntry entry in _names.ToArray())
        {
            while (entry.First is { } first && now - first.Request.ArrivedAt >= limits.Time)
            {
                Remove(first);
                late.Add(first);
            }
        }

        return late;
    }

    // A name's place in the order follows its weight, so it changes outside of the set.
    private void Weigh(NameEntry entry, long more)
    {
        _names.Remove(entry);
        entry.Weight += more;
        if (entry.Waiting > 0)
        {
            _names.Add(entry);
        }
    }
}

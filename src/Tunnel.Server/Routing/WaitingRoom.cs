namespace Tunnel.Server.Routing;

/// <summary>
/// All requests that wait, at whatever name: counts them, bounds them, and shares the room out. One name alone may take all
/// of it; when it is full, whoever takes most gives way to whoever takes less. Guarded by the registry's lock.
/// </summary>
internal sealed class WaitingRoom(WaitingLimits limits)
{
    // The lightest first.
    private readonly SortedSet<NameEntry> _known = NewSet();
    private readonly SortedSet<NameEntry> _strangers = NewSet();

    private long _bytes;

    /// <summary>A glance without the lock.</summary>
    public int Count { get; private set; }

    /// <summary>The names at which somebody waits.</summary>
    public IEnumerable<NameEntry> Names => _known.Concat(_strangers);

    /// <summary>
    /// Room for one more at a name: what is free, else the places of those who came last at the name that takes most; of names
    /// that nobody knows first. False, and nobody has lost anything, when there are none for this request to have.
    /// </summary>
    /// <param name="entry">Null: nobody waits there.</param>
    /// <param name="isStranger">Nobody knows whose the name is.</param>
    /// <param name="ousted">Who has lost its place.</param>
    public bool TryMakeRoom(NameEntry? entry, bool isStranger, in RouteRequest request, List<WaitingRequest> ousted)
    {
        long weight = (entry?.Weight ?? 0) + limits.WeightOf(request);
        while (Count >= limits.MostRequests || _bytes + request.Bytes > limits.MostBytes)
        {
            if (FindWhoGivesWay(entry, isStranger, weight, request) is not { } last)
            {
                ousted.ForEach(Add);
                ousted.Clear();
                return false;
            }

            Remove(last);
            ousted.Add(last);
        }

        return true;
    }

    public void Add(WaitingRequest held)
    {
        held.Entry.Add(held);
        Count++;
        _bytes += held.Request.Bytes;
        Weigh(held.Entry, limits.WeightOf(held.Request));
    }

    /// <summary>Without effect when it has left before.</summary>
    public void Remove(WaitingRequest held)
    {
        if (held.Place is null)
        {
            return;
        }

        NameEntry.Remove(held);
        Count--;
        _bytes -= held.Request.Bytes;
        Weigh(held.Entry, -limits.WeightOf(held.Request));
    }

    public List<WaitingRequest> RemoveAll() => RemoveLate(TimeSpan.MaxValue);

    /// <summary>Takes out those whose time is over.</summary>
    public List<WaitingRequest> RemoveLate(TimeSpan now)
    {
        List<WaitingRequest> late = [];
        foreach (NameEntry entry in Names.ToArray())
        {
            while (entry.Oldest is { } first && now - first.Request.ArrivedAt >= limits.Time)
            {
                Remove(first);
                late.Add(first);
            }
        }

        return late;
    }

    private static SortedSet<NameEntry> NewSet() => new(Comparer<NameEntry>.Create(static (one, other) =>
        one.Weight != other.Weight ? one.Weight.CompareTo(other.Weight) : string.CompareOrdinal(one.Name, other.Name)));

    private WaitingRequest? FindWhoGivesWay(NameEntry? entry, bool isStranger, long weight, in RouteRequest request)
    {
        if (!isStranger && _strangers.Max is { } stranger)
        {
            return stranger.Last(othersOnly: false);
        }

        NameEntry? heaviest = (isStranger ? _strangers : _known).Max;
        if (heaviest is not null && heaviest == entry)
        {
            // Its own row: who goes ahead there has the place of who does not.
            return request.GoesFirst ? entry.Last(othersOnly: true) : null;
        }

        return heaviest is not null && heaviest.Weight > weight ? heaviest.Last(othersOnly: false) : null;
    }

    // A name's place in the order follows its weight, so it changes outside of the set.
    private void Weigh(NameEntry entry, long more)
    {
        SortedSet<NameEntry> names = entry.IsStranger ? _strangers : _known;
        names.Remove(entry);
        entry.Weight += more;
        if (entry.Waiting > 0)
        {
            names.Add(entry);
        }
    }
}

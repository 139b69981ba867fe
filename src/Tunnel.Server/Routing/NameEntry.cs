using Tunnel.Server.Guards;

namespace Tunnel.Server.Routing;

/// <summary>
/// One public name: the sessions that serve it and the requests that wait for one. Everything here is guarded by the
/// registry's lock.
/// </summary>
internal sealed class NameEntry(string name)
{
    /// <summary>A session whose origin refused a connection so recently is asked last.</summary>
    private static readonly TimeSpan RefusalCounts = TimeSpan.FromSeconds(5);

    private readonly LinkedList<HeldRequest> _waiting = new();

    public string Name { get; } = name;

    public List<ServedTunnel> Tunnels { get; } = [];

    /// <summary>What its last tunnel was; null when it never had one.</summary>
    public string? Type { get; set; }

    /// <summary>
    /// The rules of its last tunnel: whoever they keep out takes no room while the name waits for its next session, whose
    /// own rules have the last word. Null: there were none.
    /// </summary>
    public VisitorGuard? Guard { get; set; }

    /// <summary>When its last session went; null when it never had one, or has one.</summary>
    public TimeSpan? EmptySince { get; set; }

    public int Waiting => _waiting.Count;

    /// <summary>How much of all room for waiting is taken by those here; <see cref="WaitingRoom"/> counts it.</summary>
    public long Weight { get; set; }

    public HeldRequest? First => _waiting.First?.Value;

    public HeldRequest? Last => _waiting.Last?.Value;

    /// <summary>Of the sessions that have room, the one with the fewest open streams; null when there is none.</summary>
    public ServedTunnel? Choose(in RouteRequest request, TimeSpan now)
    {
        if (request.Login?.Tunnel is { } tied && tied.Holder != request.Refused && !tied.Holder.IsLeaving && Tunnels.Contains(tied))
        {
            // At another session its login would be lost; this one may have room soon, or a link.
            return tied.Holder.HasRoom ? tied : null;
        }

        ServedTunnel? best = null;
        (bool HasRefused, int Streams) bestRank = default;
        foreach (ServedTunnel tunnel in Tunnels)
        {
            if (tunnel.Holder == request.Refused || tunnel.Type != request.Type || !tunnel.Holder.HasRoom)
            {
                continue;
            }

            (bool HasRefused, int Streams) rank = (tunnel.HasRefused(now, RefusalCounts), tunnel.Session.OpenStreams);
            if (best is null || rank.CompareTo(bestRank) < 0)
            {
                (best, bestRank) = (tunnel, rank);
            }
        }

        return best;
    }

    /// <summary>Puts a request in the row, by its arrival: one that was moved here is older than those that wait.</summary>
    public void Add(HeldRequest held)
    {
        LinkedListNode<HeldRequest>? before = _waiting.Last;
        while (before is not null && before.Value.Request.ArrivedAt > held.Request.ArrivedAt)
        {
            before = before.Previous;
        }

        held.Place = before is null ? _waiting.AddFirst(held) : _waiting.AddAfter(before, held);
    }

    public void Remove(HeldRequest held)
    {
        if (held.Place is { } place)
        {
            _waiting.Remove(place);
            held.Place = null;
        }
    }
}

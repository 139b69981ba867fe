using Tunnel.Framing.Sessions;
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

    // Who waits ahead of the others, and the others; each by arrival.
    private readonly LinkedList<WaitingRequest> _ahead = new();
    private readonly LinkedList<WaitingRequest> _waiting = new();

    private string? _lastType;
    private VisitorGuard? _lastGuard;

    public string Name { get; } = name;

    public List<ServedTunnel> Tunnels { get; } = [];

    /// <summary>What its tunnels are, or its last one was; null when it never had one.</summary>
    public string? Type => Tunnels.Count > 0 ? Tunnels[^1].Type : _lastType;

    /// <summary>
    /// The rules of its last tunnel: whoever they keep out takes no room while the name waits for its next session, whose
    /// own rules have the last word. Null: there were none.
    /// </summary>
    public VisitorGuard? Guard => Tunnels.Count > 0 ? Tunnels[^1].Guard : _lastGuard;

    /// <summary>When the last session that served it went; null when none has gone.</summary>
    public TimeSpan? EmptySince { get; private set; }

    public int Waiting => _ahead.Count + _waiting.Count;

    /// <summary>
    /// Nobody knows whose the name is: no token's, and not served by this server. Requests for it have what known names leave.
    /// <see cref="WaitingRoom"/> decides it when the first one comes, and it stays while any waits.
    /// </summary>
    public bool IsStranger { get; set; }

    /// <summary>How much of all room for waiting is taken by those here; <see cref="WaitingRoom"/> counts it.</summary>
    public long Weight { get; set; }

    /// <summary>Who came first.</summary>
    public WaitingRequest? Oldest =>
        _ahead.First?.Value is not { } ahead ? _waiting.First?.Value
        : _waiting.First?.Value is not { } other || ahead.Request.ArrivedAt <= other.Request.ArrivedAt ? ahead : other;

    /// <summary>Who loses its place first.</summary>
    /// <param name="othersOnly">Those who wait ahead keep theirs.</param>
    public WaitingRequest? Last(bool othersOnly) => _waiting.Last?.Value ?? (othersOnly ? null : _ahead.Last?.Value);

    /// <summary>Who is let through next, or after somebody.</summary>
    public WaitingRequest? Next(WaitingRequest? after) =>
        after is null ? (_ahead.First ?? _waiting.First)?.Value
        : (after.Place!.Next ?? (after.Request.GoesFirst ? _waiting.First : null))?.Value;

    /// <summary>Whether a request goes ahead of others at crowded sessions: its visitor has fewer of their streams.</summary>
    public bool GoesFirst(in RouteRequest request, TimeSpan now)
    {
        foreach (ServedTunnel tunnel in Tunnels)
        {
            if (IsToBeAsked(tunnel, request) && tunnel.Session.Shares.IsCrowded && tunnel.Session.Shares.IsSmall(request.Open.Visitor, now))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A stream of a full session whose place this request is to have; the caller's to end. Null: there is none.</summary>
    /// <param name="promised">Places that other requests of its visitor are to have already.</param>
    public ITunnelStream? FindWhoGivesWay(in RouteRequest request, int promised, TimeSpan now)
    {
        foreach (ServedTunnel tunnel in Tunnels)
        {
            if (IsFull(tunnel, request) && tunnel.Session.Shares.FindWhoGivesWay(request.Open.Visitor, promised, now) is { } stream)
            {
                return stream;
            }
        }

        return null;
    }

    private static bool IsToBeAsked(ServedTunnel tunnel, in RouteRequest request) =>
        tunnel.Session is { IsAttached: true, IsLeaving: false } && tunnel.Session != request.Refused && tunnel.Type == request.Type;

    private static bool IsFull(ServedTunnel tunnel, in RouteRequest request) =>
        IsToBeAsked(tunnel, request) && tunnel.Session.OpenStreams >= tunnel.Session.MostStreams;

    /// <summary>Of the sessions that have room, the one with the fewest open streams; null when there is none.</summary>
    public ServedTunnel? Choose(in RouteRequest request, TimeSpan now)
    {
        if (request.Login?.Tunnel?.Session is { IsLeaving: false } session && session != request.Refused && FindOf(session) is { } tied)
        {
            // At another session its login would be lost; this one may have room soon, or a link.
            return tied.Session.HasRoom ? tied : null;
        }

        ServedTunnel? best = null;
        (bool HasRefused, int Streams) bestRank = default;
        foreach (ServedTunnel tunnel in Tunnels)
        {
            if (tunnel.Session == request.Refused || tunnel.Type != request.Type || !tunnel.Session.HasRoom
                || !tunnel.Session.Shares.HasRoomFor(request.Open.Visitor, now))
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

    // What a session serves by this name may have been bound anew since its visitor came.
    private ServedTunnel? FindOf(IServingSession session)
    {
        foreach (ServedTunnel tunnel in Tunnels)
        {
            if (tunnel.Session == session)
            {
                return tunnel;
            }
        }

        return null;
    }

    /// <summary>Takes a tunnel off the name, which is remembered by it if it was served. True: it was.</summary>
    public bool Remove(ServedTunnel tunnel, TimeSpan now)
    {
        if (!Tunnels.Remove(tunnel) || !tunnel.WasServed)
        {
            return false;
        }

        _lastType = tunnel.Type;
        _lastGuard = tunnel.Guard;
        EmptySince = now;
        return true;
    }

    /// <summary>Puts a request in the row, by its arrival: one that was moved here is older than those that wait.</summary>
    public void Add(WaitingRequest held)
    {
        LinkedList<WaitingRequest> row = held.Request.GoesFirst ? _ahead : _waiting;
        LinkedListNode<WaitingRequest>? before = row.Last;
        while (before is not null && before.Value.Request.ArrivedAt > held.Request.ArrivedAt)
        {
            before = before.Previous;
        }

        held.Place = before is null ? row.AddFirst(held) : row.AddAfter(before, held);
    }

    public static void Remove(WaitingRequest held)
    {
        if (held.Place is { } place)
        {
            place.List!.Remove(place);
            held.Place = null;
        }
    }
}

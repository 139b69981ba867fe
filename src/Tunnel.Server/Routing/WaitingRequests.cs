using Tunnel.Framing.Frames;
using Tunnel.Transport;

namespace Tunnel.Server.Routing;

/// <summary>
/// The rows of requests that wait at their names (docs/architecture.md, "Requests that wait"): who may stand in one, who is let through
/// when there is room, and whose time is over. One clock drives all waiting; no stream is opened with the lock held.
/// </summary>
internal sealed class WaitingRequests : IDeadlineTarget, IDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    /// <summary>Streams of one name that give way in one second: each costs a look at all of its session.</summary>
    private const int MostPlacesAtOnce = 64;

    private readonly WaitingLimits _limits;
    private readonly Func<string, bool> _isOwned;
    private readonly RegistryClock _time;
    private readonly DeadlineClock _clock;
    private readonly Deadline _tick;

    // The registry's. All below is guarded by it.
    private readonly Lock _lock;
    private readonly NameTable _names;
    private readonly WaitingRoom _waiting;
    private bool _isTicking;
    private bool _isClosing;

    /// <param name="isOwned">Whether the name is known to be that of somebody who is not here; asked without the lock.</param>
    /// <param name="names">The registry's.</param>
    /// <param name="guard">The lock that guards <paramref name="names"/>, and this.</param>
    public WaitingRequests(WaitingLimits limits, Func<string, bool> isOwned, NameTable names, Lock guard, RegistryClock time, DeadlineClock clock)
    {
        _limits = limits;
        _isOwned = isOwned;
        _names = names;
        _lock = guard;
        _time = time;
        _clock = clock;
        _waiting = new WaitingRoom(limits);
        _tick = clock.Add(this);
    }

    /// <summary>Requests that wait. A glance, without the lock.</summary>
    public int Count => _waiting.Count;

    /// <summary>
    /// Whether it counts for a request that would wait whose its name is: this server has just begun, and has not served the
    /// name. The lock is held.
    /// </summary>
    public bool AsksForOwner(NameEntry? entry) => _time.Now < _limits.Time && (entry is null or { Type: null, Waiting: 0 });

    /// <summary>Whether a name is known to be somebody's. The lock is not held, because tokens have locks of their own.</summary>
    public bool IsOwned(ReadOnlySpan<char> name) => _isOwned(new string(name));

    /// <summary>The request stands in the row of its name; null: it does not wait. The lock is held.</summary>
    /// <param name="isOwned">Whether the name is somebody's; good for those of which <see cref="AsksForOwner"/> says that it counts.</param>
    /// <param name="otherwise">For <see cref="Refuse"/>, when it does not wait.</param>
    public WaitingRequest? TryHold(NameEntry? entry, ReadOnlySpan<char> name, bool isOwned, in RouteRequest request, out RouteOutcome? otherwise)
    {
        TimeSpan now = _time.Now;
        bool isRemembered = entry is not null && _names.IsRemembered(entry, now);
        (otherwise, bool isWorthIt) = WaitingRule.Judge(entry, isRemembered, isYoung: now < _limits.Time, request);
        if (!isWorthIt || _isClosing || now - request.ArrivedAt >= _limits.Time)
        {
            return null;
        }

        bool isStranger = entry is { Waiting: > 0 } ? entry.IsStranger : entry?.Type is null && !isOwned;
        if (!TryMakeRoom(entry, isStranger, request))
        {
            otherwise = RouteOutcome.TooBusy;
            return null;
        }

        entry ??= _names.FindOrAdd(new string(name));
        entry.IsStranger = isStranger;
        var held = new WaitingRequest(this, entry, request);
        _waiting.Add(held);
        return held;
    }

    /// <summary>
    /// What a request is told that does not wait, or has waited for nobody. A name that nobody has served lately is known
    /// all the same when it is somebody's; the lock is not held, because tokens have locks of their own.
    /// </summary>
    /// <param name="outcome">Null: nothing is known of the name here.</param>
    public Route Refuse(RouteOutcome? outcome, string name) =>
        new(outcome ?? (_isOwned(name) ? RouteOutcome.Offline : RouteOutcome.NotFound));

    /// <summary>A request has begun to wait; its time is watched, and room that has come about meanwhile is given to it.</summary>
    public void Began(WaitingRequest held)
    {
        bool mustTick;
        lock (_lock)
        {
            mustTick = !_isTicking;
            _isTicking = true;
        }

        if (mustTick)
        {
            _tick.Set(Tick);
        }

        Release(held.Entry);
    }

    /// <inheritdoc cref="WaitingRequest.Cancel"/>
    public void Cancel(WaitingRequest held)
    {
        lock (_lock)
        {
            Leave(held);
        }

        held.TryRelease(new Route(RouteOutcome.Cancelled));
    }

    /// <summary>Opens streams for those who wait at a name, as long as there is room: nobody is woken to find none.</summary>
    public void Release(NameEntry entry)
    {
        int failed = 0;
        while (failed < TunnelRegistry.MostFailures)
        {
            WaitingRequest? next;
            ServedTunnel? tunnel;
            lock (_lock)
            {
                (next, tunnel) = NextOf(entry);
                if (next is null)
                {
                    return;
                }

                next.IsInHand = true;
            }

            Route? route = tunnel!.TryOpen(next.Request);
            lock (_lock)
            {
                next.IsInHand = false;
                if (route is not null)
                {
                    Leave(next);
                }
            }

            if (route is null)
            {
                failed++;
            }
            else if (!next.TryRelease(route.Value))
            {
                // Its visitor left in this moment, or its time was over; nothing of the stream has been sent.
                route.Value.Stream!.Dispose();
            }
        }
    }

    /// <summary>Nobody waits any more, because nobody will come.</summary>
    public void Stop()
    {
        List<(WaitingRequest Held, RouteOutcome? Outcome)> all;
        lock (_lock)
        {
            _isClosing = true;
            all = Judge(_waiting.RemoveAll());
        }

        RefuseAll(all);
    }

    public void Dispose() => _clock.Remove(_tick);

    void IDeadlineTarget.OnDeadline()
    {
        List<(WaitingRequest Held, RouteOutcome? Outcome)> late;
        NameEntry[] entries;
        lock (_lock)
        {
            entries = [.. _waiting.Names];
            TimeSpan now = _time.Now;
            late = Judge(_waiting.RemoveLate(now));
            foreach (NameEntry entry in entries)
            {
                _names.ForgetIfUnused(entry, now);
            }
        }

        RefuseAll(late);
        foreach (NameEntry entry in entries)
        {
            MakePlaces(entry);
            Release(entry);
        }

        lock (_lock)
        {
            _isTicking = _waiting.Count > 0;
            if (!_isTicking)
            {
                return;
            }
        }

        _tick.Set(Tick);
    }

    // Those who have waited for a second although they go first, or while some stream of their session was abandoned: nothing
    // ends there by itself, so that something gives way to them. Each address has one place before any has a second, or who
    // came later would find the largest share smaller than it has to be.
    private void MakePlaces(NameEntry entry)
    {
        lock (_lock)
        {
            Dictionary<VisitorAddress, int> promised = [];
            int places = 0;
            if (MakePlaces(entry, promised, ref places, firstOnly: true))
            {
                promised.Clear();
                MakePlaces(entry, promised, ref places, firstOnly: false);
            }
        }
    }

    // False: there is nobody left to give way.
    private bool MakePlaces(NameEntry entry, Dictionary<VisitorAddress, int> promised, ref int places, bool firstOnly)
    {
        TimeSpan now = _time.Now;
        for (WaitingRequest? held = entry.Next(after: null); held is not null && places < MostPlacesAtOnce; held = entry.Next(held))
        {
            VisitorAddress customer = VisitorShares.CustomerOf(held.Request.Open.Visitor);
            int own = promised.GetValueOrDefault(customer);
            if (!held.HasAPlace)
            {
                if (now - held.Request.ArrivedAt < Tick || (firstOnly && own > 0))
                {
                    continue;
                }

                if (entry.FindWhoGivesWay(held.Request, own, now) is not { } stream)
                {
                    return false;
                }

                // Under the lock, so that nobody else counts on the same place. Whoever serves the stream is told elsewhere.
                stream.Abort(ResetCode.TooBusy);
                held.HasAPlace = true;
                places++;
            }

            promised[customer] = own + 1;
        }

        return true;
    }

    private bool TryMakeRoom(NameEntry? entry, bool isStranger, in RouteRequest request)
    {
        List<WaitingRequest> ousted = [];
        bool hasRoom = _waiting.TryMakeRoom(entry, isStranger, request, ousted);
        foreach (WaitingRequest held in ousted)
        {
            // Whoever waits for the outcome goes on elsewhere, not here with the lock held.
            held.TryRelease(new Route(RouteOutcome.TooBusy));
            _names.ForgetIfUnused(held.Entry, _time.Now);
        }

        return hasRoom;
    }

    // The oldest request that some session has room for. One that a session has refused must not hold up the others, nor one
    // that waits for a session of its own; nor may one that came for what the name is not: it is told so here, because nobody comes for it any more.
    private (WaitingRequest? Next, ServedTunnel? Tunnel) NextOf(NameEntry entry)
    {
        TimeSpan now = _time.Now;
        WaitingRequest? following;
        for (WaitingRequest? held = entry.Next(after: null); held is not null; held = following)
        {
            following = entry.Next(held);
            if (held.IsInHand)
            {
                continue;
            }

            if (entry.Type is { } type && type != held.Request.Type)
            {
                Leave(held);
                held.TryRelease(new Route(RouteOutcome.NotFound));
                continue;
            }

            if (entry.Choose(held.Request, now) is { } tunnel)
            {
                return (held, tunnel);
            }

            if (held.Request is { Refused: null, Login: null })
            {
                break;
            }
        }

        return default;
    }

    // What is true now, not when they came: who waited for a session that then had no room is told that. The lock is held.
    private static List<(WaitingRequest Held, RouteOutcome? Outcome)> Judge(List<WaitingRequest> over) =>
        [.. over.Select(held =>
            (held, WaitingRule.Judge(held.Entry, isKnown: held.Entry.Type is not null, isYoung: false, held.Request).Otherwise))];

    private void RefuseAll(List<(WaitingRequest Held, RouteOutcome? Outcome)> over) =>
        over.ForEach(request => request.Held.TryRelease(Refuse(request.Outcome, request.Held.Entry.Name)));

    private void Leave(WaitingRequest held)
    {
        _waiting.Remove(held);
        _names.ForgetIfUnused(held.Entry, _time.Now);
    }
}

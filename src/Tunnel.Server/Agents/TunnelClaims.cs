using System.Globalization;
using Tunnel.Framing.Frames;
using Tunnel.Server.Guards;
using Tunnel.Server.Identity;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Agents;

/// <summary>Gets an agent the names it asks for, or the sentence that says who has them (docs/protocol.md, section 7, "Names").</summary>
internal sealed class TunnelClaims(AgentServices services)
{
    private TimeProvider Time => services.Session.Time;

    /// <summary>
    /// All tunnels of a HELLO or none. Holders that may be dead are given the time to show that they are not. Null: the
    /// session serves them; otherwise the first refusal.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled while it waited; nothing has changed.</exception>
    public async Task<BoundMessage?> ClaimAsync(AgentSession session, IReadOnlyList<TunnelRequest> requests, CancellationToken cancel) =>
        Resolve(session, requests, out List<ServedTunnel> tunnels) ?? await TakeAsync(session, tunnels, cancel);

    /// <summary>One more tunnel of a session that runs, by the same rules; the answer to its BIND.</summary>
    /// <inheritdoc cref="ClaimAsync" path="/exception"/>
    public async Task<BoundMessage> BindAsync(AgentSession session, TunnelRequest request, CancellationToken cancel)
    {
        if ((Resolve(session, [request], out List<ServedTunnel> tunnels) ?? await TakeAsync(session, tunnels, cancel)) is { } refusal)
        {
            return refusal;
        }

        string name = tunnels[0].Name;
        return new BoundMessage { Id = request.Id, TunnelName = name, Url = services.Addresses.UrlOf(name, request.Type) };
    }

    private async Task<BoundMessage?> TakeAsync(AgentSession session, List<ServedTunnel> tunnels, CancellationToken cancel)
    {
        for (bool hasAsked = false; ; hasAsked = true)
        {
            // After the wait once more: nobody gives way to what cannot come about.
            if (FindObstacle(session, tunnels) is { } obstacle)
            {
                return obstacle;
            }

            if (services.Registry.TryClaim(tunnels, out IReadOnlyList<ServedTunnel> others))
            {
                return Adopt(session, tunnels, others) ?? await KeepAsync(session, tunnels, cancel);
            }

            if (hasAsked || !others.All(other => tunnels.Any(tunnel => Takeover.MayStillYield(tunnel, other))))
            {
                return Conflict(tunnels, others[0]);
            }

            await Task.WhenAll(others.Select(other => other.Holder).Distinct().Select(holder => AskAsync(holder, cancel)));
        }
    }

    private BoundMessage? Resolve(AgentSession session, IReadOnlyList<TunnelRequest> requests, out List<ServedTunnel> tunnels)
    {
        tunnels = [];
        foreach (TunnelRequest request in requests)
        {
            AgentIdentity who = session.Holder.Identity;
            string? name = services.Addresses.Resolve(
                services.Gate.Complete(who, request, services.Registry.IsServed), wanted => services.Gate.Judge(who, wanted), out string reason);
            if (name is null)
            {
                return Refusal(request.Id, RejectCodes.NameRefused, reason);
            }

            if (tunnels.Exists(tunnel => tunnel.Name == name))
            {
                return Refusal(request.Id, RejectCodes.NameRefused, $"{name} is asked for twice.");
            }

            tunnels.Add(new ServedTunnel(name, request, session.Holder, Time.GetUtcNow())
            {
                Guard = request.Guard is { } guard ? new VisitorGuard(guard, name, who.Key, services.Passwords) : null,
            });
        }

        return null;
    }

    private BoundMessage? FindObstacle(AgentSession session, List<ServedTunnel> tunnels)
    {
        foreach (ServedTunnel tunnel in tunnels)
        {
            if (services.Gate.Judge(session.Holder.Identity, tunnel.Name) is { } why)
            {
                return Refusal(tunnel.Id, RejectCodes.NameRefused, why);
            }
        }

        return session.CanAdopt(tunnels) ? null : NoRoom(tunnels[0].Id);
    }

    private BoundMessage? Adopt(AgentSession session, List<ServedTunnel> tunnels, IReadOnlyList<ServedTunnel> others)
    {
        bool hadPlace = session.HasPlace;
        List<TunnelHolder> over = [.. others.Select(other => other.Holder).Distinct().Where(holder => IsOver(session, holder, others))];
        BoundMessage? refusal = services.Places.Take(session, over) is { } limit
            ? Refusal(tunnels[0].Id, RejectCodes.TooManySessions, limit)
            : ClaimForToken(session, tunnels) ?? (session.TryAdopt(tunnels) ? null : NoRoom(tunnels[0].Id));
        if (refusal is not null)
        {
            if (!hadPlace && session.HasPlace)
            {
                services.Places.GiveBack(session, over);
            }

            services.Registry.TakeBack(tunnels, others);
            return refusal;
        }

        tunnels.ForEach(tunnel => services.Gate.Serves(session.Holder.Identity, tunnel.Name, tunnel.Type));
        Close(session, others, over);
        return null;
    }

    private BoundMessage? ClaimForToken(AgentSession session, List<ServedTunnel> tunnels)
    {
        foreach (ServedTunnel tunnel in tunnels)
        {
            if (services.Gate.Claim(session.Holder.Identity, tunnel.Name, tunnel.IsWanted) is { } why)
            {
                return Refusal(tunnel.Id, RejectCodes.NameRefused, why);
            }
        }

        return null;
    }

    // Another server on the same folder may have given a name to somebody else in the meantime: whose word reached the disk first has it.
    private async Task<BoundMessage?> KeepAsync(AgentSession session, List<ServedTunnel> tunnels, CancellationToken cancel)
    {
        await services.Gate.KeepAsync(session.Holder.Identity, cancel);
        if (tunnels.Select(tunnel => (tunnel.Id, Why: services.Gate.Judge(session.Holder.Identity, tunnel.Name)))
            .FirstOrDefault(lost => lost.Why is not null) is not { Why: { } why } first)
        {
            return null;
        }

        tunnels.ForEach(tunnel => session.Drop(tunnel.Id));
        return Refusal(first.Id, RejectCodes.NameRefused, why);
    }

    // What loses its names to its own successor, or its last ones to anybody, ends by it. One that leaves ends by itself.
    private bool IsOver(AgentSession session, TunnelHolder holder, IReadOnlyList<ServedTunnel> lost) =>
        Takeover.IsPast(session.Holder, holder) || (SessionOf(holder)?.HasOnly(lost) ?? true);

    private AgentSession? SessionOf(TunnelHolder holder) => services.Directory.All.FirstOrDefault(agent => agent.Holder == holder);

    private void Close(AgentSession session, IReadOnlyList<ServedTunnel> lost, List<TunnelHolder> over)
    {
        string reason = $"a newer session took over, from {session.Holder.Address}";
        foreach (TunnelHolder holder in lost.Select(tunnel => tunnel.Holder).Distinct().Where(holder => !holder.IsLeaving))
        {
            if (over.Contains(holder))
            {
                holder.Session.Close(CloseCode.Replaced, reason);
            }
            else
            {
                SessionOf(holder)?.Lose(lost, RejectCodes.NameConflict, CloseCode.Replaced, reason);
            }
        }
    }

    // Whether the holder is there: one without a link has a few seconds to come back, one with a link to answer.
    private async Task AskAsync(TunnelHolder holder, CancellationToken cancel)
    {
        if (holder.IsAttached)
        {
            TimeSpan since = holder.Session.LastByteAt;
            if (!await holder.Session.IsAliveAsync(Takeover.SilentTime, cancel))
            {
                holder.FoundSilent(since);
            }

            return;
        }

        TimeSpan left = Takeover.DetachedTime - holder.DetachedFor.GetValueOrDefault();
        if (left > TimeSpan.Zero)
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            await Task.WhenAny(holder.Session.Ended, Task.Delay(left, Time, over.Token));
            await over.CancelAsync();
            cancel.ThrowIfCancellationRequested();
        }
    }

    private static BoundMessage Conflict(List<ServedTunnel> tunnels, ServedTunnel other)
    {
        ServedTunnel wanted = tunnels.First(tunnel => tunnel.Name == other.Name);
        if (wanted.Holder == other.Holder)
        {
            return Refusal(wanted.Id, RejectCodes.NameConflict, $"This session serves {other.Name} already.");
        }

        string since = other.Since.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
        if (wanted.IsPooled && other.IsPooled && !VisitorGuard.HaveSameRules(wanted.Guard, other.Guard))
        {
            return Refusal(
                wanted.Id,
                RejectCodes.NameConflict,
                $"The agents that share {other.Name} let other visitors in: --allow, --deny, --forward-auth and the password file (its hashes, too) must be the same on all of them. One is at {other.Holder.Address}. Stop them all to change it.");
        }

        string state = other.Holder.IsAttached ? "" : ", which is reconnecting";
        return Refusal(
            wanted.Id,
            RejectCodes.NameConflict,
            $"{other.Name} is served by another agent, at {other.Holder.Address} since {since} UTC{state}. Stop that one, ask for another name, or start both with --pool.");
    }

    private BoundMessage NoRoom(uint id) => Refusal(
        id, RejectCodes.NameRefused, $"A session has at most {services.Options.MaxTunnelsPerSession} tunnels, each with an id of its own.");

    private static BoundMessage Refusal(uint id, string code, string message) => new() { Id = id, Code = code, Message = message };
}

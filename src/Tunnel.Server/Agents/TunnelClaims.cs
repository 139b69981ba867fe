using System.Globalization;
using Tunnel.Framing.Frames;
using Tunnel.Server.Guards;
using Tunnel.Server.Identity;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Agents;

/// <summary>Gets an agent the name it asks for, or the sentence that says who has it (docs/protocol.md, section 7, "Names").</summary>
internal sealed class TunnelClaims(AgentServices services)
{
    private TimeProvider Time => services.Session.Time;

    /// <summary>
    /// The answer to a BIND. A holder that may be dead is given the time to show that it is not. A name that the session serves
    /// already is served on, as this BIND wants it.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled while it waited; nothing has changed.</exception>
    public async Task<BoundMessage> BindAsync(AgentSession session, TunnelRequest request, CancellationToken cancel)
    {
        ServedTunnel? tunnel = Resolve(session, request, out string reason);
        BoundMessage? refusal = tunnel is null
            ? Refusal(request.Id, RejectCodes.NameRefused, reason)
            : FindKeeper(session, tunnel, request) is { } keeper ? Conflict(tunnel, keeper) : await TakeAsync(session, tunnel, cancel);
        return refusal ?? services.Addresses.GrantOf(request.Id, tunnel!.Name, request.Type);
    }

    /// <summary>A reason as it may travel.</summary>
    public static string Sentence(string text) => text.Length > ProtocolLimits.Sentence ? text[..ProtocolLimits.Sentence] : text;

    private async Task<BoundMessage?> TakeAsync(AgentSession session, ServedTunnel tunnel, CancellationToken cancel)
    {
        for (bool hasAsked = false; ; hasAsked = true)
        {
            // After the wait once more: nobody gives way to what cannot come about.
            if (FindObstacle(session, tunnel) is { } obstacle)
            {
                return obstacle;
            }

            if (services.Registry.TryClaim([tunnel], out IReadOnlyList<ServedTunnel> others))
            {
                return Adopt(session, tunnel, others) ?? await KeepAsync(session, tunnel, cancel);
            }

            if (hasAsked || !others.All(other => Takeover.MayStillYield(tunnel, other)))
            {
                return Conflict(tunnel, others[0]);
            }

            await Task.WhenAll(others.Select(other => other.Holder).Distinct().Select(holder => AskAsync(holder, cancel)));
        }
    }

    // Somebody who has the name, when it is wanted only if nobody has. Who may not have it at all hears that first.
    private ServedTunnel? FindKeeper(AgentSession session, ServedTunnel tunnel, TunnelRequest request) =>
        request.IfFree == true && services.Gate.Judge(session.Holder.Identity, tunnel.Name) is null
            ? services.Registry.HoldersOf(tunnel.Name).FirstOrDefault(other => other.Holder != session.Holder)
            : null;

    private ServedTunnel? Resolve(AgentSession session, TunnelRequest request, out string reason)
    {
        AgentIdentity who = session.Holder.Identity;
        string? name = services.Addresses.Resolve(
            services.Gate.Complete(who, request, services.Registry.IsServed), wanted => services.Gate.Judge(who, wanted), out reason);
        return name is null ? null : new ServedTunnel(name, request, session.Holder, Time.GetUtcNow())
        {
            Guard = request.Guard is { } guard ? new VisitorGuard(guard, name, who.Key, services.Passwords) : null,
        };
    }

    private BoundMessage? FindObstacle(AgentSession session, ServedTunnel tunnel)
    {
        if (services.Gate.Judge(session.Holder.Identity, tunnel.Name) is { } why)
        {
            return Refusal(tunnel.Id, RejectCodes.NameRefused, why);
        }

        return session.CanAdopt(tunnel) ? null : NoRoom(tunnel.Id);
    }

    private BoundMessage? Adopt(AgentSession session, ServedTunnel tunnel, IReadOnlyList<ServedTunnel> replaced)
    {
        bool hadPlace = session.HasPlace;
        ServedTunnel[] lost = [.. replaced.Where(other => other.Holder != session.Holder)];
        List<TunnelHolder> over = [.. lost.Select(other => other.Holder).Distinct().Where(holder => IsOver(session, holder, lost))];
        BoundMessage? refusal = services.Places.Take(session, over) is { } limit
            ? Refusal(tunnel.Id, RejectCodes.TooManySessions, limit, retry: true)
            : ClaimForToken(session, tunnel) ?? (session.TryAdopt(tunnel) ? null : NoRoom(tunnel.Id));
        if (refusal is not null)
        {
            if (!hadPlace && session.HasPlace)
            {
                services.Places.GiveBack(session, over);
            }

            services.Registry.TakeBack([tunnel], replaced);
            return refusal;
        }

        services.Gate.Serves(session.Holder.Identity, tunnel.Name, tunnel.Type);
        TellLosers(session, lost);
        return null;
    }

    private BoundMessage? ClaimForToken(AgentSession session, ServedTunnel tunnel) =>
        services.Gate.Claim(session.Holder.Identity, tunnel.Name, tunnel.IsWanted) is { } why
            ? Refusal(tunnel.Id, RejectCodes.NameRefused, why)
            : null;

    // Another server on the same folder may have given a name to somebody else in the meantime: whose word reached the disk first has it.
    private async Task<BoundMessage?> KeepAsync(AgentSession session, ServedTunnel tunnel, CancellationToken cancel)
    {
        await services.Gate.KeepAsync(session.Holder.Identity, cancel);
        if (services.Gate.Judge(session.Holder.Identity, tunnel.Name) is not { } why)
        {
            return null;
        }

        session.Drop(tunnel.Id);
        return Refusal(tunnel.Id, RejectCodes.NameRefused, why);
    }

    // It is the past of this session, or has nothing left: its place is free. One that leaves ends by itself.
    private bool IsOver(AgentSession session, TunnelHolder holder, IReadOnlyList<ServedTunnel> lost) =>
        Takeover.IsPast(session.Holder, holder) || (SessionOf(holder)?.HasOnly(lost) ?? true);

    private AgentSession? SessionOf(TunnelHolder holder) => services.Directory.All.FirstOrDefault(agent => agent.Holder == holder);

    private void TellLosers(AgentSession session, IReadOnlyList<ServedTunnel> lost)
    {
        string reason = $"a newer session took over, from {session.Holder.Address}";
        foreach (TunnelHolder holder in lost.Select(tunnel => tunnel.Holder).Distinct().Where(holder => !holder.IsLeaving))
        {
            if (Takeover.IsPast(session.Holder, holder))
            {
                holder.Session.Close(CloseCode.Replaced, reason);
            }
            else
            {
                SessionOf(holder)?.Lose(lost, RejectCodes.NameConflict, reason);
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

    private static BoundMessage Conflict(ServedTunnel wanted, ServedTunnel other) =>
        Explain(wanted, other) with { Yours = wanted.Holder.Identity.Key == other.Holder.Identity.Key ? true : null };

    private static BoundMessage Explain(ServedTunnel wanted, ServedTunnel other)
    {
        if (wanted.IsPooled && other.IsPooled && !VisitorGuard.HaveSameRules(wanted.Guard, other.Guard))
        {
            return Refusal(
                wanted.Id,
                RejectCodes.NameConflict,
                $"The agents that share {other.Name} let other visitors in: --allow, --deny, --forward-auth and the password file (its hashes, too) must be the same on all of them. One is at {other.Holder.Address}. Stop them all to change it.",
                retry: true);
        }

        string since = other.Since.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
        string state = other.Holder.IsAttached ? "" : ", which is reconnecting";
        return Refusal(
            wanted.Id,
            RejectCodes.NameConflict,
            $"{other.Name} is served by another agent, at {other.Holder.Address} since {since} UTC{state}. Stop that one, ask for another name, or start both with --pool.",
            retry: true);
    }

    private BoundMessage NoRoom(uint id) => Refusal(
        id, RejectCodes.NameRefused, $"A session has at most {services.Options.Agents.MaxTunnelsPerSession} tunnels, each with an id of its own.");

    private static BoundMessage Refusal(uint id, string code, string message, bool retry = false) =>
        new() { Id = id, Code = code, Message = Sentence(message), Retry = retry };
}

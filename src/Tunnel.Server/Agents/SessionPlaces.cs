using Tunnel.Server.Identity;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Agents;

/// <summary>
/// How many sessions there may be, in all and of one identity (docs/operating.md, "Limits"). At the limit a session may begin
/// without a place when another one may have to give its own up: it takes that together with the names of it, so an agent that is
/// started again does not wait for its own past. Safe from any thread.
/// </summary>
internal sealed class SessionPlaces(ServerOptions options, AgentDirectory directory)
{
    private readonly Lock _lock = new();

    /// <summary>A session begins, with a place or in the hope of one. Null: it may; otherwise which limit is reached, as a sentence.</summary>
    public string? Enter(AgentSession session)
    {
        lock (_lock)
        {
            List<AgentSession> taken = Taken();
            if (FindLimit(taken, session.Holder.Identity) is not { } reason)
            {
                session.HasPlace = true;
                return null;
            }

            return MayHope(session, taken) ? null : reason;
        }
    }

    /// <summary>A session that has a name takes its place. Null: it has one; otherwise which limit is reached.</summary>
    /// <param name="gaveWay">Who had this name, and has nothing else.</param>
    public string? Take(AgentSession session, IReadOnlyCollection<TunnelHolder> gaveWay)
    {
        lock (_lock)
        {
            if (session.HasPlace)
            {
                return null;
            }

            List<AgentSession> taken = Taken();
            List<AgentSession> past = taken.FindAll(other => gaveWay.Contains(other.Holder));
            if (FindLimit([.. taken.Except(past)], session.Holder.Identity) is { } reason)
            {
                return reason;
            }

            session.HasPlace = true;

            // These have nothing more. One that leaves runs on for its grace and counts against the next, or a chain of
            // successors would have no end.
            past.FindAll(other => !other.Holder.IsLeaving).ForEach(other => other.HasPlace = false);
            return null;
        }
    }

    /// <summary>A session that took its place does not come about after all: whoever made room for it counts again.</summary>
    public void GiveBack(AgentSession session, IReadOnlyCollection<TunnelHolder> gaveWay)
    {
        lock (_lock)
        {
            session.HasPlace = false;
            foreach (AgentSession other in directory.All.Where(other => gaveWay.Contains(other.Holder)))
            {
                other.HasPlace = true;
            }
        }
    }

    // No more of them hope than places may become free: each agent for its own past, and as many as have lost their links. One that is
    // only silent is found out by its heartbeat soon enough.
    private bool MayHope(AgentSession session, List<AgentSession> taken)
    {
        TunnelHolder newer = session.Holder;
        List<AgentSession> alike = taken.FindAll(other => other.Holder.Identity == newer.Identity);
        List<AgentSession> hoping = [.. directory.All.Where(other =>
            other != session && !other.HasPlace && !other.Session.Ended.IsCompleted && other.Holder.Identity == newer.Identity)];
        bool hasPast = alike.Exists(other => Takeover.IsPast(newer, other.Holder)) && !hoping.Exists(other => other.Holder.Instance.Id == newer.Instance.Id);
        return hasPast || hoping.Count < alike.Count(other => other.Holder.IsLeaving || !other.Holder.IsAttached);
    }

    private List<AgentSession> Taken() => [.. directory.All.Where(other => other.HasPlace && !other.Session.Ended.IsCompleted)];

    private string? FindLimit(List<AgentSession> taken, AgentIdentity who)
    {
        if (taken.Count >= options.Agents.MaxSessions)
        {
            return "The server is at its limit of sessions.";
        }

        if (taken.Count(other => other.Holder.Identity == who) < options.Agents.MaxSessionsPerIdentity)
        {
            return null;
        }

        string whose = who.IsLocal ? "Local agents have" : $"The token '{who.Name}' has";
        return $"{whose} {options.Agents.MaxSessionsPerIdentity} sessions already, and that is the limit.";
    }
}

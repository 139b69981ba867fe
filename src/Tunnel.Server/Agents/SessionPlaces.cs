using Tunnel.Server.Identity;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Agents;

/// <summary>
/// How many sessions there may be, in all and of one identity (docs/operating.md, "Limits"). A session takes its place together with
/// its names, and whoever gives these up counts no more: an agent that is started again at the limit does not wait for
/// its own past. Safe from any thread.
/// </summary>
internal sealed class SessionPlaces(ServerOptions options, AgentDirectory directory)
{
    private readonly Lock _lock = new();

    /// <summary>
    /// Null: asking for names makes sense, because there is a place or a session of the same identity may give one up.
    /// Otherwise which limit is reached, as a sentence.
    /// </summary>
    /// <param name="instance">Of the agent that asks; a session of the same one is its past.</param>
    /// <param name="replaces">The session it comes after, proved.</param>
    public string? FindLimit(AgentIdentity who, string instance, AgentSession? replaces)
    {
        List<AgentSession> taken = Taken();
        return FindLimit(taken, who) is { } reason
            && !taken.Exists(other => other.Holder.Identity == who && (other == replaces || MayYield(other.Holder, instance)))
                ? reason
                : null;
    }

    /// <summary>A session that has its names takes its place. Null: it has one; otherwise which limit is reached.</summary>
    /// <param name="gaveWay">Who had these names, and has nothing else.</param>
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

            // These are closed now. One that leaves runs on for its grace and counts against the next, or a chain of
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

    // One that is only silent is found out by its heartbeat soon enough.
    private static bool MayYield(TunnelHolder holder, string instance) =>
        holder.Instance.Id == instance || holder.IsLeaving || !holder.IsAttached;

    private List<AgentSession> Taken() => [.. directory.All.Where(other => other.HasPlace && !other.Session.Ended.IsCompleted)];

    private string? FindLimit(List<AgentSession> taken, AgentIdentity who)
    {
        if (taken.Count >= options.MaxSessions)
        {
            return "The server is at its limit of sessions.";
        }

        if (taken.Count(other => other.Holder.Identity == who) < options.MaxSessionsPerIdentity)
        {
            return null;
        }

        string whose = who.IsLocal ? "Local agents have" : $"The token '{who.Name}' has";
        return $"{whose} {options.MaxSessionsPerIdentity} sessions already, and that is the limit.";
    }
}

using System.Collections.Concurrent;
using Tunnel.Framing.Sessions;

namespace Tunnel.Server.Agents;

/// <summary>The agents that are connected, by session. Safe from any thread.</summary>
internal sealed class AgentDirectory
{
    private readonly ConcurrentDictionary<Session, AgentSession> _agents = new();

    public int Count => _agents.Count;

    public IEnumerable<AgentSession> All => _agents.Values;

    public void Add(AgentSession agent) => _agents[agent.Session] = agent;

    public void Remove(AgentSession agent) => _agents.TryRemove(agent.Session, out _);

    public AgentSession? Find(Session session) => _agents.GetValueOrDefault(session);
}

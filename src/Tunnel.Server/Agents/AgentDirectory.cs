using System.Collections.Concurrent;

namespace Tunnel.Server.Agents;

/// <summary>The sessions that live, attached or not, by their ids; and what became of those that ended. Safe from any thread.</summary>
internal sealed class AgentDirectory
{
    private readonly ConcurrentDictionary<string, AgentSession> _agents = new(StringComparer.Ordinal);
    private readonly EndedSessions _ended = new();

    public int Count => _agents.Count;

    public IEnumerable<AgentSession> All => _agents.Values;

    public void Add(AgentSession agent) => _agents[agent.Id] = agent;

    public void Remove(AgentSession agent, string reason)
    {
        if (agent.IsIntroduced)
        {
            _ended.Add(agent.Id, reason);
        }

        _agents.TryRemove(agent.Id, out _);
    }

    public AgentSession? Find(string id) => _agents.GetValueOrDefault(id);

    /// <summary>Why a session ended; null when it is not known here.</summary>
    public string? EndOf(string id) => _ended.Find(id);
}

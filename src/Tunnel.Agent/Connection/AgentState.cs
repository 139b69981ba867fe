namespace Tunnel.Agent.Connection;

/// <summary>How one of the agent's sessions stands.</summary>
public enum AgentState
{
    /// <summary>There is no session: visitors wait for a moment, then they are told.</summary>
    Offline,

    /// <summary>The session has no link and waits for the next one: visitors notice a pause.</summary>
    Reconnecting,

    /// <summary>The tunnel can be used.</summary>
    Connected,
}

/// <summary>What the agent can say of itself at any moment.</summary>
/// <param name="Reason">Why it is not connected; empty when it is.</param>
/// <param name="NextTry">When it dials again; null while it is dialling or connected.</param>
public sealed record AgentStatus(AgentState State, string Reason = "", DateTimeOffset? NextTry = null);

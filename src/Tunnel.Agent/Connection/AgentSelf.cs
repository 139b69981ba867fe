using System.Security.Cryptography;

namespace Tunnel.Agent.Connection;

/// <summary>What all sessions of one running agent have in common. Safe from any thread.</summary>
/// <param name="instance">Kept from the run before, or new.</param>
internal sealed class AgentSelf(string instance)
{
    private volatile string _instance = instance;

    /// <summary>The agent instance; 32 hex digits.</summary>
    public string Instance => _instance;

    /// <summary>This start of it; 32 hex digits.</summary>
    public string Run { get; } = NewId();

    /// <summary>
    /// Somebody else goes by our instance and took our name: a copy of this machine, say. With an instance of our own we
    /// stand in its way no more than any other agent, and neither takes the name from the other again.
    /// </summary>
    public void BecomeSomebodyElse() => _instance = NewId();

    public static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
}

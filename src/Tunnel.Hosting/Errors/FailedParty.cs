namespace Tunnel.Hosting.Errors;

/// <summary>Of all that a request goes through, in its order, the one that something is wrong with.</summary>
public enum FailedParty
{
    Visitor,
    Server,
    Agent,

    /// <summary>The local server behind the agent.</summary>
    Origin,

    /// <summary>What is between agent and server.</summary>
    Network,

    /// <summary>Whoever started and set up the program that says so.</summary>
    Operator,
}

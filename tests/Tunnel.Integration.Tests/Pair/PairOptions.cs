using Tunnel.Agent;
using Tunnel.Server;

namespace Tunnel.Integration.Tests.Pair;

/// <summary>What is different from the usual pair.</summary>
public sealed record PairOptions
{
    public Func<ServerOptions, ServerOptions> Server { get; init; } = options => options;

    public Func<AgentOptions, AgentOptions> Agent { get; init; } = options => options;

    /// <summary>Time stands still unless the test moves it.</summary>
    public bool IsTimeFake { get; init; }

    public bool HasAgent { get; init; } = true;
}

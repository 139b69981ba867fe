using Tunnel.Agent;
using Tunnel.Agent.Local;
using Tunnel.Server;
using Tunnel.Server.Identity;

namespace Tunnel.Integration.Tests.Pair;

/// <summary>What is different from the usual pair.</summary>
public sealed record PairOptions
{
    /// <summary>Requests without an agent are told so after a second.</summary>
    public static PairOptions Impatient { get; } = new() { Server = options => options with { Waiting = options.Waiting with { Hold = TimeSpan.FromSeconds(1) } } };

    public Func<ServerOptions, ServerOptions> Server { get; init; } = options => options;

    public Func<AgentOptions, AgentOptions> Agent { get; init; } = options => options;

    /// <summary>The server's key and tokens; the test's to dispose.</summary>
    public ServerState? State { get; init; }

    /// <summary>Time stands still unless the test moves it.</summary>
    public bool IsTimeFake { get; init; }

    public bool HasAgent { get; init; } = true;

    /// <summary>Is shown every exchange of the agents.</summary>
    internal IExchangeWatch? Watch { get; init; }
}

using Tunnel.Agent.Link;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Sessions;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;
using Tunnel.Http.Heads;

namespace Tunnel.Agent;

/// <summary>Everything the agent can be told, with its defaults (docs/operating.md, "The agent").</summary>
public sealed record AgentOptions
{
    /// <summary>Environment variables of all options begin with it.</summary>
    internal const string EnvironmentPrefix = "TUNNEL_AGENT_";

    /// <summary>The server, and the way to it.</summary>
    public LinkOptions Link { get; init; } = new();

    /// <summary>What is to be public; each has a name of its own if there are several.</summary>
    public IReadOnlyList<TunnelOptions> Tunnels { get; init; } = [];

    /// <summary>How long running requests have when the agent stops.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Where the agent instance is kept from one start to the next; null: nowhere.</summary>
    public string? StateFolder { get; init; }

    /// <summary>What makes two starts the same agent; null: the server, and the first tunnel's name or, without one, its origin.</summary>
    public string? InstanceKey { get; init; }

    public HttpLimits Http { get; init; } = HttpLimits.Default;

    /// <summary>Bytes that may be held for all peers together; null: a part of what this process can get.</summary>
    public long? MemoryLimit { get; init; }

    /// <summary>The session's options, before pool and clock are filled in.</summary>
    public SessionOptions Session { get; init; } = new();

    public LogOptions Log { get; init; } = new();

    /// <summary>Plain lines also on a terminal.</summary>
    public bool NoConsole { get; init; }

    /// <summary>A line of the log for each request.</summary>
    public bool LogsRequests { get; init; }

    /// <summary>What concerns the agent as a whole, not one tunnel.</summary>
    internal static IReadOnlyList<OptionDeclaration<AgentOptions>> Declarations { get; } =
    [
        .. LinkOptions.Declarations.Select(declaration => declaration.Within<AgentOptions>(o => o.Link, (o, v) => o with { Link = v }) with { Group = "The server" }),
        Declare<AgentOptions>.Seconds("grace", "Time running requests have when the agent stops.", o => o.Grace, (o, v) => o with { Grace = v }, mayBeZero: true) with { Group = "This agent" },
        Declare<AgentOptions>.Size("memory-limit", "Memory that may be held for all visitors together, like 256MiB.", o => o.MemoryLimit, (o, v) => o with { MemoryLimit = v }) with
        {
            Group = "This agent",
            DefaultInWords = "a third of what this process can get",
        },
        Declare<AgentOptions>.Path(
            "state-dir",
            "FOLDER",
            "Where the agent keeps who it is, so that after a crash it gets its name back at once.",
            o => o.StateFolder,
            (o, v) => o with { StateFolder = v }) with
        {
            Group = "This agent",
            DefaultInWords = "the user's folder for state",
        },
        .. LogOptions.Declarations.Select(declaration => declaration.Within<AgentOptions>(o => o.Log, (o, v) => o with { Log = v }) with { Group = "This agent" }),
        Declare<AgentOptions>.Switch("no-console", "Plain lines instead of the live picture, for screen readers or to keep what scrolls by.", o => o.NoConsole, (o, v) => o with { NoConsole = v }) with { Group = "This agent" },
        Declare<AgentOptions>.Switch("requests", "A line of the log for each request.", o => o.LogsRequests, (o, v) => o with { LogsRequests = v }) with { Group = "This agent" },
    ];

    /// <exception cref="OptionException">Values the agent cannot work with; each sentence names one and says what to do.</exception>
    public AgentOptions Validate()
    {
        var faults = new OptionFaults();
        Link.Check(faults);
        faults.Check(Declarations, this);
        foreach (TunnelOptions tunnel in Tunnels)
        {
            tunnel.Check(faults);
        }

        faults.Require(Tunnels.Select(tunnel => tunnel.Name).Distinct().Count() == Tunnels.Count, "Two tunnels have the same name.");
        faults.ThrowIfAny();
        MemoryPlan.Of(MemoryLimit);
        Http.Validate();
        return this;
    }

    /// <summary>As <see cref="InstanceKey"/> says, or what it stands for.</summary>
    internal string KeyOfInstance => InstanceKey ?? $"{Link.Server}/{(Tunnels is [var first, ..] ? first.Hostname ?? first.Subdomain ?? first.Origin.Authority : "")}";
}

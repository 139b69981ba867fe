using Tunnel.Hosting.Options;

namespace Tunnel.Server.Forwarding;

/// <summary>What visitors may take: time, and how many they may be.</summary>
public sealed record VisitorOptions
{
    /// <summary>Time for a request head, from its first byte.</summary>
    public TimeSpan HeadTime { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a connection may stay open between requests, and before its first one.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromSeconds(75);

    /// <summary>How long an upgraded connection, a WebSocket for instance, may be silent in both directions.</summary>
    public TimeSpan UpgradeIdleTime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>
    /// From a request that is whole, or of which nothing moves, to the head of its answer. An agent has a limit of its own,
    /// which is shorter and says why; this one does not depend on the agent's good will.
    /// </summary>
    public TimeSpan AnswerTime { get; init; } = TimeSpan.FromSeconds(900);

    /// <summary>How slow a visitor may be.</summary>
    public PaceRule Pace { get; init; } = new();

    /// <summary>Bytes of a request body; null: no limit.</summary>
    public long? MaxBody { get; init; }

    public int MaxConnections { get; init; } = 65_536;

    public int MaxConnectionsPerAddress { get; init; } = 4_096;

    internal static IReadOnlyList<OptionDeclaration<VisitorOptions>> Declarations { get; } =
    [
        Declare<VisitorOptions>.Count("max-body", "BYTES", "Largest request body.", "a whole number of bytes", o => o.MaxBody, (o, v) => o with { MaxBody = v }) with
        { Group = "Limits for visitors",
            DefaultInWords = "no limit",
            Details = "Beyond it: 413.",
        },
        Declare<VisitorOptions>.Seconds("head-time", "Time a visitor has for a request head, from its first byte.", o => o.HeadTime, (o, v) => o with { HeadTime = v }) with { Group = "Limits for visitors", Details = "Beyond it: 408." },
        Declare<VisitorOptions>.Seconds("idle-time", "How long a connection may stay open between requests.", o => o.IdleTime, (o, v) => o with { IdleTime = v }) with
        { Group = "Limits for visitors",
            Details = "Also between the chunks of an upload. Beyond it: closed without a word; 408 within an upload.",
        },
        Declare<VisitorOptions>.Seconds(
            "answer-time", "How long a visitor may wait for the head of an answer; agents have a limit of their own.", o => o.AnswerTime, (o, v) => o with { AnswerTime = v }) with
        { Group = "Limits for visitors",
            Details = "From the whole request on. Beyond it: 504 `origin-timeout`.",
        },
        Declare<VisitorOptions>.Seconds(
            "upgrade-idle-time", "How long a WebSocket or other upgraded connection may be silent.", o => o.UpgradeIdleTime, (o, v) => o with { UpgradeIdleTime = v }) with
        { Group = "Limits for visitors",
            Details = "In both directions. Beyond it: cut.",
        },
        .. PaceRule.Declarations.Select(declaration => declaration.Within<VisitorOptions>(o => o.Pace, (o, v) => o with { Pace = v }) with { Group = "Limits for visitors" }),
        Declare<VisitorOptions>.Number("max-connections", "Visitor connections in all.", o => o.MaxConnections, (o, v) => o with { MaxConnections = v }, 1) with { Group = "Limits for visitors", Details = "Beyond it: reset." },
        Declare<VisitorOptions>.Number(
            "max-connections-per-address", "Visitor connections per address.", o => o.MaxConnectionsPerAddress, (o, v) => o with { MaxConnectionsPerAddress = v }, 1) with
        { Group = "Limits for visitors",
            Details = "An IPv6 /64 is one; trusted proxies are excepted. Beyond it: reset.",
        },
    ];
}

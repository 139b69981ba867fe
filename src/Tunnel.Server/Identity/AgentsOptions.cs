using Tunnel.Framing.Frames;
using Tunnel.Hosting.Options;

namespace Tunnel.Server.Identity;

/// <summary>Which agents are let in, and what they may take.</summary>
public sealed record AgentsOptions
{
    /// <summary>Local agents need a token as well.</summary>
    public bool RequireToken { get; init; }

    /// <summary>Agents from elsewhere may come without TLS. Their tokens and all traffic are then open to whoever is on the way.</summary>
    public bool AllowPlaintext { get; init; }

    /// <summary>Time from connecting to a valid HELLO.</summary>
    public TimeSpan HandshakeTime { get; init; } = TimeSpan.FromSeconds(10);

    public int MaxSessions { get; init; } = 4_096;

    /// <summary>Of one token, or of all local agents together.</summary>
    public int MaxSessionsPerIdentity { get; init; } = 64;

    /// <summary>Links that have not proved themselves yet, in all and per address (loopback excepted).</summary>
    public int MaxUnproved { get; init; } = 1_024;

    public int MaxUnprovedPerAddress { get; init; } = 32;

    public int MaxStreamsPerSession { get; init; } = 1_024;

    /// <summary>At most what the protocol allows.</summary>
    public int MaxTunnelsPerSession { get; init; } = Framing.Frames.ProtocolLimits.Tunnels;

    internal static IReadOnlyList<OptionDeclaration<AgentsOptions>> Declarations { get; } =
    [
        Declare<AgentsOptions>.Switch("require-token", "Agents on this machine need a token as well.", o => o.RequireToken, (o, v) => o with { RequireToken = v }) with { Group = "Agents" },
        Declare<AgentsOptions>.Switch(
            "allow-plaintext-agents",
            "Let agents from elsewhere connect without TLS. Whoever is on the way can then read and change everything.",
            o => o.AllowPlaintext,
            (o, v) => o with { AllowPlaintext = v }) with
        {
            Group = "Agents",
        },
        Declare<AgentsOptions>.Number(
            "max-streams",
            "Requests under way per agent session.",
            o => o.MaxStreamsPerSession,
            (o, v) => o with { MaxStreamsPerSession = v },
            1,
            2048,
            "a number from 1 and at most 2048: every stream has 32 KiB of the session's 64 MiB for sure") with
        { Group = "Limits for agents",
            Details = "Or as many as its agent has room for (1024). Beyond it: 503 `too-busy`.",
        },
        Declare<AgentsOptions>.Number(
            "max-tunnels", "Tunnels per agent session.", o => o.MaxTunnelsPerSession, (o, v) => o with { MaxTunnelsPerSession = v }, 1, ProtocolLimits.Tunnels) with
        { Group = "Limits for agents",
            Details = "Beyond it: the agent is refused the name.",
        },
        Declare<AgentsOptions>.Number("max-sessions", "Agent sessions in all.", o => o.MaxSessions, (o, v) => o with { MaxSessions = v }, 1) with
        { Group = "Limits for agents",
            Details = "Beyond it: the agent is told, and tries again.",
        },
        Declare<AgentsOptions>.Number(
            "max-sessions-per-token", "The same per token; local agents without one count together.", o => o.MaxSessionsPerIdentity, (o, v) => o with { MaxSessionsPerIdentity = v }, 1) with
        { Group = "Limits for agents",
            Details = "Who takes its own name back takes the place along. Beyond it: the agent is told, and tries again.",
        },
        Declare<AgentsOptions>.Seconds("agent-handshake-time", "Time an agent has to introduce itself.", o => o.HandshakeTime, (o, v) => o with { HandshakeTime = v }) with
        { Group = "Limits for agents",
            Details = "Beyond it: closed.",
        },
        Declare<AgentsOptions>.Number("max-handshakes", "Agent connections that have not introduced themselves, in all.", o => o.MaxUnproved, (o, v) => o with { MaxUnproved = v }, 1) with
        { Group = "Limits for agents",
            Details = "Beyond it: closed.",
        },
        Declare<AgentsOptions>.Number(
            "max-handshakes-per-address",
            "The same per address; this machine's own are not counted.",
            o => o.MaxUnprovedPerAddress,
            (o, v) => o with { MaxUnprovedPerAddress = v },
            1) with
        { Group = "Limits for agents",
            Details = "Beyond it: closed.",
        },
    ];
}

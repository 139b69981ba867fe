using Tunnel.Framing.Frames;
using Tunnel.Hosting.Options;
using Tunnel.Http.Heads;
using Tunnel.Server.Forwarding;

namespace Tunnel.Server;

/// <summary>The options for the limits of docs/operating.md, "Limits": how much, how many, how long, how slow.</summary>
internal static class LimitDeclarations
{
    public static IReadOnlyList<OptionDeclaration<ServerOptions>> All { get; } =
    [
        Declare<ServerOptions>.Size(
            "memory-limit", "Memory that may be held for all visitors and agents together, like 256MiB.", o => o.MemoryLimit, (o, v) => o with { MemoryLimit = v }) with
        {
            Group = "Limits",
            DefaultInWords = "a third of what this process can get",
            Details = "Bytes, or with KiB, MiB or GiB behind the number; see [Memory](#memory).",
        },
        .. Heads().Select(declaration => declaration.Within<ServerOptions>(o => o.Http, (o, v) => o with { Http = v })).Concat(Visitors()).Select(declaration => declaration with { Group = "Limits for visitors" }),
        .. Agents().Select(declaration => declaration with { Group = "Limits for agents" }),
    ];

    private static IEnumerable<OptionDeclaration<HttpLimits>> Heads() =>
    [
        Declare<HttpLimits>.Number("max-request-line", "Bytes of a request line.", o => o.MaxStartLineBytes, (o, v) => o with { MaxStartLineBytes = v }, 256, 1024 * 1024) with
        {
            Details = "Beyond it: 414.",
        },
        Declare<HttpLimits>.Number("max-head", "Bytes of a request or answer head in all.", o => o.MaxHeadBytes, (o, v) => o with { MaxHeadBytes = v }, 512, 4 * 1024 * 1024) with
        {
            Details = "Also of a trailer section. Beyond it: 431 (an answer: 502).",
        },
        Declare<HttpLimits>.Number("max-fields", "Header fields in a head.", o => o.MaxFields, (o, v) => o with { MaxFields = v }, 1, 10_000) with
        {
            Details = "Beyond it: 431 (an answer: 502).",
        },
    ];

    private static IEnumerable<OptionDeclaration<ServerOptions>> Visitors() =>
    [
        Declare<ServerOptions>.Count("max-body", "BYTES", "Largest request body.", "a whole number of bytes", o => o.MaxBody, (o, v) => o with { MaxBody = v }) with
        {
            DefaultInWords = "no limit",
            Details = "Beyond it: 413.",
        },
        Declare<ServerOptions>.Seconds("head-time", "Time a visitor has for a request head, from its first byte.", o => o.HeadTime, (o, v) => o with { HeadTime = v }) with { Details = "Beyond it: 408." },
        Declare<ServerOptions>.Seconds("idle-time", "How long a connection may stay open between requests.", o => o.IdleTime, (o, v) => o with { IdleTime = v }) with
        {
            Details = "Also between the chunks of an upload. Beyond it: closed without a word; 408 within an upload.",
        },
        Declare<ServerOptions>.Seconds(
            "answer-time", "How long a visitor may wait for the head of an answer; agents have a limit of their own.", o => o.AnswerTime, (o, v) => o with { AnswerTime = v }) with
        {
            Details = "From the whole request on. Beyond it: 504 `origin-timeout`.",
        },
        Declare<ServerOptions>.Seconds(
            "upgrade-idle-time", "How long a WebSocket or other upgraded connection may be silent.", o => o.UpgradeIdleTime, (o, v) => o with { UpgradeIdleTime = v }) with
        {
            Details = "In both directions. Beyond it: cut.",
        },
        .. Pace().Select(declaration => declaration.Within<ServerOptions>(o => o.Pace, (o, v) => o with { Pace = v })),
        Declare<ServerOptions>.Number("max-connections", "Visitor connections in all.", o => o.MaxVisitors, (o, v) => o with { MaxVisitors = v }, 1) with { Details = "Beyond it: reset." },
        Declare<ServerOptions>.Number(
            "max-connections-per-address", "Visitor connections per address.", o => o.MaxVisitorsPerAddress, (o, v) => o with { MaxVisitorsPerAddress = v }, 1) with
        {
            Details = "An IPv6 /64 is one; trusted proxies are excepted. Beyond it: reset.",
        },
        Declare<ServerOptions>.Number("max-held", "Requests that wait for an agent, in all.", o => o.MaxHeld, (o, v) => o with { MaxHeld = v }, 1) with { Details = "Beyond it: 503 `too-busy`." },
    ];

    private static IEnumerable<OptionDeclaration<PaceRule>> Pace() =>
    [
        Declare<PaceRule>.Number("least-rate", "Bytes a second a visitor must send or take while it is waited for.", o => o.LeastRate, (o, v) => o with { LeastRate = v }, 1) with
        {
            Details = "Below it: 408 for an upload, cut for a reader.",
        },
        Declare<PaceRule>.Seconds("slow-grace", "How long a visitor may be waited for before the rate counts.", o => o.Grace, (o, v) => o with { Grace = v }) with { Details = "Then as above." },
        Declare<PaceRule>.Seconds("stall-time", "How long a visitor that was fast before may do nothing.", o => o.StallTime, (o, v) => o with { StallTime = v }) with { Details = "Then as above." },
    ];

    private static IEnumerable<OptionDeclaration<ServerOptions>> Agents() =>
    [
        Declare<ServerOptions>.Number(
            "max-streams",
            "Requests under way per agent session.",
            o => o.MaxStreamsPerSession,
            (o, v) => o with { MaxStreamsPerSession = v },
            1,
            2048,
            "a number from 1 and at most 2048: every stream has 32 KiB of the session's 64 MiB for sure") with
        {
            Details = "Or as many as its agent has room for (1024). Beyond it: 503 `too-busy`.",
        },
        Declare<ServerOptions>.Number(
            "max-tunnels", "Tunnels per agent session.", o => o.MaxTunnelsPerSession, (o, v) => o with { MaxTunnelsPerSession = v }, 1, ProtocolLimits.Tunnels) with
        {
            Details = "Beyond it: the agent is refused the name.",
        },
        Declare<ServerOptions>.Number("max-sessions", "Agent sessions in all.", o => o.MaxSessions, (o, v) => o with { MaxSessions = v }, 1) with
        {
            Details = "Beyond it: the agent is told, and tries again.",
        },
        Declare<ServerOptions>.Number(
            "max-sessions-per-token", "The same per token; local agents without one count together.", o => o.MaxSessionsPerIdentity, (o, v) => o with { MaxSessionsPerIdentity = v }, 1) with
        {
            Details = "Who takes its own name back takes the place along. Beyond it: the agent is told, and tries again.",
        },
        Declare<ServerOptions>.Seconds("agent-handshake-time", "Time an agent has to introduce itself.", o => o.AgentHandshakeTime, (o, v) => o with { AgentHandshakeTime = v }) with
        {
            Details = "Beyond it: closed.",
        },
        Declare<ServerOptions>.Number("max-handshakes", "Agent connections that have not introduced themselves, in all.", o => o.MaxUnproved, (o, v) => o with { MaxUnproved = v }, 1) with
        {
            Details = "Beyond it: closed.",
        },
        Declare<ServerOptions>.Number(
            "max-handshakes-per-address",
            "The same per address; this machine's own are not counted.",
            o => o.MaxUnprovedPerAddress,
            (o, v) => o with { MaxUnprovedPerAddress = v },
            1) with
        {
            Details = "Beyond it: closed.",
        },
    ];
}

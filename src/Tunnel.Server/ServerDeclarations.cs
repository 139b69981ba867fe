using Tunnel.Hosting.Options;
using Tunnel.Hosting.Settings;
using Tunnel.Http.Heads;
using Tunnel.Server.Certificates;
using Tunnel.Server.Certificates.Acme;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Edge;
using Tunnel.Server.Forwarding;
using Tunnel.Server.Identity;
using Tunnel.Server.Routing;

namespace Tunnel.Server;

/// <summary>All options of the server: those of its features, and what concerns it as a whole (docs/operating.md, "The server").</summary>
internal static class ServerDeclarations
{
    /// <summary>Groups of limits begin so; docs/operating.md has a table of their own for them.</summary>
    public const string Limits = "Limits";

    /// <summary>Variables of the environment begin so.</summary>
    public const string Prefix = "TUNNEL_SERVER_";

    private const string Lost = "When an agent is lost, and when the server stops";
    private const string Logs = "Settings, logs and state";

    public static IReadOnlyList<OptionDeclaration<ServerOptions>> All { get; } =
    [
        Declare<ServerOptions>.Text("domain", "NAME", "Tunnels are <subdomain>.NAME.", o => o.Domain, (o, v) => o with { Domain = v.ToLowerInvariant().TrimEnd('.') }) with
        {
            Group = "Names and ports",
            IsCommon = true,
        },
        .. ListenOptions.Declarations.Select(declaration => declaration.Within<ServerOptions>(o => o.Listen, (o, v) => o with { Listen = v })),
        .. TlsOptions.Declarations.Select(declaration => declaration.Within<ServerOptions>(o => o.Tls, (o, v) => o with { Tls = v })),
        .. AcmeOptions.Declarations.Select(declaration => declaration.Within<ServerOptions>(o => o.Acme, (o, v) => o with { Acme = v })),
        .. FrontOptions.Declarations.Select(declaration => declaration.Within<ServerOptions>(o => o.Front, (o, v) => o with { Front = v })),
        .. WaitingOptions.Declarations.Select(declaration => declaration.Within<ServerOptions>(o => o.Waiting, (o, v) => o with { Waiting = v })),
        Declare<ServerOptions>.Seconds("grace", "Time running requests have when the server stops.", o => o.Grace, (o, v) => o with { Grace = v }, mayBeZero: true) with { Group = Lost },
        .. PageOptions.Declarations.Select(declaration => declaration.Within<ServerOptions>(o => o.Pages, (o, v) => o with { Pages = v })),
        .. AccessLogOptions.Declarations.Select(declaration => declaration.Within<ServerOptions>(o => o.AccessLog, (o, v) => o with { AccessLog = v })),
        SettingFile.Declare<ServerOptions>("what 'tunnel-server config path' prints, if it is there", o => o.ConfigFile, (o, v) => o with { ConfigFile = v }) with { Group = Logs, IsCommon = true },
        StateDirectory.Declare<ServerOptions>(o => o.StateDir, (o, v) => o with { StateDir = v }) with { Group = Logs, IsCommon = true },
        .. LogOptions.Declarations.Select(declaration => declaration.Within<ServerOptions>(o => o.Log, (o, v) => o with { Log = v }) with { Group = Logs }),
        Declare<ServerOptions>.Size(
            "memory-limit", "Memory that may be held for all visitors and agents together, like 256MiB.", o => o.MemoryLimit, (o, v) => o with { MemoryLimit = v }) with
        {
            Group = Limits,
            DefaultInWords = "a third of what this process can get",
            Details = "Bytes, or with KiB, MiB or GiB behind the number; see [Memory](#memory).",
        },
        .. Heads.Select(declaration => declaration.Within<ServerOptions>(o => o.Http, (o, v) => o with { Http = v }) with { Group = $"{Limits} for visitors" }),
        .. VisitorOptions.Declarations.Select(declaration => declaration.Within<ServerOptions>(o => o.Visitors, (o, v) => o with { Visitors = v })),
        .. AgentsOptions.Declarations.Select(declaration => declaration.Within<ServerOptions>(o => o.Agents, (o, v) => o with { Agents = v })),
    ];

    private static OptionDeclaration<HttpLimits>[] Heads =>
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
}

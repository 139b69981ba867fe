using Microsoft.Extensions.Logging;
using Tunnel.Hosting.Options;

namespace Tunnel.Quickstart;

/// <summary>What the quickstart can be told.</summary>
internal sealed record QuickstartOptions
{
    /// <summary>Of a web server that is there already; null: a sample one is made.</summary>
    public int? Port { get; init; }

    public string Subdomain { get; init; } = "demo";

    /// <summary>Null: a friendly one, or any if that is taken. 0: any.</summary>
    public int? HttpPort { get; init; }

    public LogOptions Log { get; init; } = new() { Level = LogLevel.Warning };

    public static IReadOnlyList<OptionDeclaration<QuickstartOptions>> Declarations { get; } =
    [
        Declare<QuickstartOptions>.Port("port", "Port of a web server of yours to put behind the tunnel.", o => o.Port, (o, v) => o with { Port = v }) with
        {
            DefaultInWords = "a sample one",
        },
        Declare<QuickstartOptions>.Text("subdomain", "NAME", "The name to put it on: NAME.localhost.", o => o.Subdomain, (o, v) => o with { Subdomain = v }),
        Declare<QuickstartOptions>.ListenPort("http-port", "Port for visitors; 0 picks a free one.", o => o.HttpPort, (o, v) => o with { HttpPort = v }) with
        {
            DefaultInWords = "8000, or any if that is taken",
        },
        .. LogOptions.Declarations.Select(declaration => declaration.Within<QuickstartOptions>(o => o.Log, (o, v) => o with { Log = v })),
    ];
}

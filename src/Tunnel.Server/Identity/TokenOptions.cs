using Tunnel.Hosting.Options;
using Tunnel.Hosting.Settings;

namespace Tunnel.Server.Identity;

/// <summary>What <c>token create</c> is told of the token.</summary>
internal sealed record TokenWish
{
    public IReadOnlyList<string> Subdomains { get; init; } = [];

    public IReadOnlyList<string> Hostnames { get; init; } = [];

    public IReadOnlyList<string> TcpPorts { get; init; } = [];

    public string Expires { get; init; } = "never";

    /// <summary>Null: where the server last ran.</summary>
    public string? Server { get; init; }

    public bool HasNoPin { get; init; }

    public static IReadOnlyList<OptionDeclaration<TokenWish>> Declarations { get; } =
    [
        Declare<TokenWish>.Texts(
            "subdomain",
            "PATTERN",
            "A subdomain it may use: exact, or with one * (a-*). Without any pattern it owns what it asks for first.",
            o => o.Subdomains,
            (o, v) => o with { Subdomains = v }),
        Declare<TokenWish>.Texts("hostname", "PATTERN", "A whole name it may use: www.example.org, *.example.org.", o => o.Hostnames, (o, v) => o with { Hostnames = v }),
        Declare<TokenWish>.Texts("tcp-port", "RANGE", "TCP ports it may use: 20432 or 20000-20999.", o => o.TcpPorts, (o, v) => o with { TcpPorts = v }),
        Declare<TokenWish>.Text("expires", "TIME", "When it ends: 30d, 12h, 2027-01-31, or never.", o => o.Expires, (o, v) => o with { Expires = v }) with { DefaultInWords = "never" },
        Declare<TokenWish>.Text("server", "HOST[:PORT]", "Where agents reach this server.", o => o.Server, (o, v) => o with { Server = v }) with
        {
            DefaultInWords = "the domain it last ran with, and its port of HTTPS; without one its agent port",
        },
        Declare<TokenWish>.Switch(
            "no-pin",
            "Leave the server's key out: agents then trust the authorities of their system. For a server behind something else that ends TLS.",
            o => o.HasNoPin,
            (o, v) => o with { HasNoPin = v }),
    ];
}

/// <summary>What <c>token revoke</c> is told.</summary>
internal sealed record TokenEnd
{
    public bool Forgets { get; init; }

    public static IReadOnlyList<OptionDeclaration<TokenEnd>> Declarations { get; } =
        [Declare<TokenEnd>.Switch("forget", "Keep no record, so that its names are free for anybody.", o => o.Forgets, (o, v) => o with { Forgets = v })];
}

/// <summary>Which server's tokens are meant.</summary>
internal sealed record TokenPlace
{
    /// <summary>Null: the system's place.</summary>
    public string? StateDir { get; init; }

    /// <summary>The server's settings file, which may say where; null: the system's place, if there is one.</summary>
    public string? ConfigFile { get; init; }

    public static IReadOnlyList<OptionDeclaration<TokenPlace>> Declarations { get; } =
    [
        StateDirectory.Declare<TokenPlace>(o => o.StateDir, (o, v) => o with { StateDir = v }),
        SettingFile.Declare<TokenPlace>("what 'tunnel-server config path' prints, if it is there", o => o.ConfigFile, (o, v) => o with { ConfigFile = v }),
    ];
}

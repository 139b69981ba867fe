using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Agent.Link;

/// <summary>Where the server is, how the agent knows it, and how it is reached.</summary>
public sealed record LinkOptions
{
    public const int DefaultServerPort = 9090;

    public string Host { get; init; } = "localhost";

    public int Port { get; init; } = DefaultServerPort;

    /// <summary><see cref="Host"/> was asked for; else what the token says counts.</summary>
    public bool IsNamed { get; init; }

    /// <summary>Who this agent is, and which server it means; null: a local agent.</summary>
    public AgentToken? Token { get; init; }

    /// <summary>The text of a token that was given for this run; null: none was.</summary>
    public string? TokenText { get; init; }

    /// <summary>File with the token; null: none was named.</summary>
    public string? TokenFile { get; init; }

    /// <summary>PEM file of the authorities to trust instead of the token's pin or the system's; null: those.</summary>
    public string? CaFile { get; init; }

    /// <summary>No TLS, wherever the server is. Whoever is on the way can then read and change everything.</summary>
    public bool Plaintext { get; init; }

    /// <summary>The proxy to go through; null: none.</summary>
    public HttpProxy? Proxy { get; init; }

    /// <summary>Time to reach the server and be answered.</summary>
    public TimeSpan ConnectTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Sessions kept side by side, each with a link of its own.</summary>
    public int Links { get; init; } = 1;

    /// <summary>Whether changes of the network, and sleep, make the agent ask its links at once.</summary>
    public bool WatchesNetwork { get; init; } = true;

    /// <summary>The server as a person reads it.</summary>
    public string Server => HostAndPort.Write(Host, Port);

    internal static IReadOnlyList<OptionDeclaration<LinkOptions>> Declarations { get; } =
    [
        Declare<LinkOptions>.Of(
            "server", "HOST[:PORT]", "The tunnel-server to connect to.", ReadServer, static server => server, static _ => null, static (options, server) => options.At(server!)) with
        {
            IsCommon = true,
            DefaultInWords = $"what the token says, else localhost:{DefaultServerPort}",
        },
        Declare<LinkOptions>.Text("token", "TOKEN", "Who this agent is. Other users can see it here: prefer 'tunnel-agent login' or --token-file.", o => o.TokenText, (o, v) => o with { TokenText = v }) with
        {
            IsSecret = true,
            Details = "In the environment or in a file, nobody else sees it.",
        },
        Declare<LinkOptions>.Path("token-file", "FILE", "File with the token.", o => o.TokenFile, (o, v) => o with { TokenFile = v }) with
        {
            DefaultInWords = "what 'tunnel-agent login' stored",
        },
        Declare<LinkOptions>.Path("ca", "FILE", "PEM file of the authorities that vouch for the server, in place of the key in the token.", o => o.CaFile, (o, v) => o with { CaFile = v }),
        Declare<LinkOptions>.Switch("plaintext", "Connect without TLS. Whoever is on the way can then read and change everything, the token included.", o => o.Plaintext, (o, v) => o with { Plaintext = v }) with
        {
            Details = "The server must allow it.",
        },
        Declare<LinkOptions>.Number("links", "Connections to the server, side by side.", o => o.Links, (o, v) => o with { Links = v }, 1, ProtocolLimits.Links) with
        {
            Details = "Each a session of its own.",
        },
    ];

    /// <summary>The same for another server.</summary>
    /// <param name="server">HOST or HOST:PORT; one that can be read.</param>
    public LinkOptions At(string server) => HostAndPort.TryParse(server, DefaultServerPort, out string host, out int port)
        ? this with { Host = host, Port = port, IsNamed = true }
        : throw new ArgumentException($"'{Printable.Of(server)}' is not HOST or HOST:PORT.", nameof(server));

    /// <summary>Nothing secret.</summary>
    public override string ToString() => Server;

    internal void Check(OptionFaults faults)
    {
        faults.Check(Declarations, this);
        faults.Require(Port is > 0 and <= 65_535 && Host.Length > 0, "--server takes HOST or HOST:PORT, with a port from 1 to 65535.");
        faults.Require(CaFile is null || !Plaintext, "--ca and --plaintext exclude each other; give one of them.");
    }

    private static (string? Value, string? Fault) ReadServer(string text) => HostAndPort.TryParse(text, DefaultServerPort, out _, out _)
        ? (text, null)
        : (null, $"'{Printable.Of(text)}' is not HOST or HOST:PORT.");
}

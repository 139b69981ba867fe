using Tunnel.Hosting;
using Tunnel.Hosting.Options;
using Tunnel.Server.Edge;
using Tunnel.Server.Forwarding;
using Tunnel.Server.Identity;
using Tunnel.Server.Routing;

namespace Tunnel.Server;

/// <summary>The options of the server but for its limits, each declared once, by feature (docs/operating.md, "The server").</summary>
internal static class ServerDeclarations
{
    private const string Address = "Names and ports";
    private const string Https = "HTTPS";
    private const string Front = "Behind a proxy or a load balancer";
    private const string Agents = "Agents";
    private const string Lost = "When an agent is lost, and when the server stops";
    private const string Pages = "Pages of the server itself";
    private const string Logs = "Logs and state";

    /// <summary>All options, the limits included.</summary>
    public static IReadOnlyList<OptionDeclaration<ServerOptions>> All { get; } =
    [
        Declare<ServerOptions>.Text("domain", "NAME", "Tunnels are <subdomain>.NAME.", o => o.Domain, (o, v) => o with { Domain = v.ToLowerInvariant().TrimEnd('.') }) with
        {
            Group = Address,
            IsCommon = true,
        },
        Declare<ServerOptions>.ListenPort("http-port", "Port for visitors; 0 picks a free one.", o => o.HttpPort, (o, v) => o with { HttpPort = v }) with
        {
            Group = Address,
            IsCommon = true,
            DefaultInWords = "80, or 8000 if 80 cannot be had",
        },
        Declare<ServerOptions>.ListenPort("https-port", "Port for encrypted visitors; 0 picks a free one.", o => o.HttpsPort, (o, v) => o with { HttpsPort = v }) with
        {
            Group = Address,
            IsCommon = true,
            DefaultInWords = "443, or 8443 if 443 cannot be had, when there is a certificate",
            Details = "Without a certificate it serves passthrough names alone.",
        },
        Declare<ServerOptions>.ListenPort("agent-port", "Port for agents; 0 picks a free one.", o => o.AgentPort, (o, v) => o with { AgentPort = v }) with
        {
            Group = Address,
            IsCommon = true,
            Details = "They come in by `--https-port` as well.",
        },
        Declare<ServerOptions>.Address("bind", "Address to listen on.", o => o.Bind, (o, v) => o with { Bind = v }) with
        {
            Group = Address,
            DefaultInWords = "every address, IPv4 and IPv6",
        },
        Declare<ServerOptions>.Of(
            "tcp-ports",
            "FIRST-LAST",
            "Ports for raw TCP tunnels, like 20000-20999.",
            static text => PortRange.TryParse(text, out PortRange range)
                ? ((range.First, range.Last), null)
                : (((int, int)?)null, $"'{Printable.Of(text)}' is not a range of ports like 20000-20999."),
            static value => value is { } range ? new PortRange(range.Item1, range.Item2).ToString() : null,
            o => o.TcpPorts,
            (o, v) => o with { TcpPorts = v }) with
        {
            Group = Address,
            IsCommon = true,
            DefaultInWords = "there are no such tunnels",
        },
        Declare<ServerOptions>.Switch(
            "reuse-port", "Let another server with --reuse-port run on the same ports, to take over from this one. Linux only.", o => o.SharesPorts, (o, v) => o with { SharesPorts = v }) with
        {
            Group = Address,
        },
        Declare<ServerOptions>.Texts("cert", "FILE", "Certificate chain in PEM form, or PFX with the key inside. The first is the default.", o => o.Certs, (o, v) => o with { Certs = v }) with
        {
            Group = Https,
            IsCommon = true,
        },
        Declare<ServerOptions>.Texts("key", "FILE", "The key of the --cert before it, in PEM form.", o => o.Keys, (o, v) => o with { Keys = v }) with { Group = Https, IsCommon = true },
        Declare<ServerOptions>.Path(
            "cert-dir",
            "FOLDER",
            "A folder of certificates, chosen by name: NAME.pem with NAME.key, NAME.pfx, or folders as certbot makes them.",
            o => o.CertDir,
            (o, v) => o with { CertDir = v }) with
        {
            Group = Https,
            IsCommon = true,
        },
        Declare<ServerOptions>.Choice(
            "tls",
            "self-signed makes a certificate for the domain, for trying out; browsers warn of it.",
            [("files", false), ("self-signed", true)],
            o => o.SelfSigned,
            (o, v) => o with { SelfSigned = v }) with
        {
            Group = Https,
            Details = "It is kept in the state folder.",
        },
        Declare<ServerOptions>.Switch("https-redirect", "Answer plain HTTP with a redirect to HTTPS.", o => o.RedirectsToHttps, (o, v) => o with { RedirectsToHttps = v }) with
        {
            Group = Https,
            IsCommon = true,
            Details = "308, to the same address.",
        },
        Declare<ServerOptions>.Count(
            "hsts",
            "SECONDS",
            "Tell browsers to use HTTPS only, for so long (Strict-Transport-Security).",
            "a whole number of seconds",
            o => o.Hsts is { } hsts ? (long)hsts.TotalSeconds : null,
            (o, v) => o with { Hsts = TimeSpan.FromSeconds(v) },
            (long)TimeSpan.FromDays(3650).TotalSeconds) with
        {
            Group = Https,
            DefaultInWords = "they are not told",
            Details = "On encrypted answers that say nothing of it themselves.",
        },
        Declare<ServerOptions>.Of(
            "public-url",
            "URL",
            "What visitors type, like https://DOMAIN, when a proxy or a mapping of ports stands in front of this server.",
            static text => PublicUrl.TryParse(text) is { } url ? (url, null) : (null, $"'{Printable.Of(text)}' is not http://DOMAIN[:PORT] or https://DOMAIN[:PORT]."),
            static url => url?.Of(url.Host),
            o => o.PublicUrl,
            (o, v) => o with { PublicUrl = v }) with
        {
            Group = Front,
            DefaultInWords = "as it listens",
            Details = "What agents announce, and where `--https-redirect` leads.",
        },
        Declare<ServerOptions>.Of(
            "trusted-proxy",
            "CIDR,...",
            "Proxies in front of this server whose word on the visitor (see --proxy-header) is believed and continued.",
            static text => TrustedProxies.FindFault(text) is { } fault ? (TrustedProxies.None, fault) : (TrustedProxies.Parse(text), null),
            static _ => null,
            o => o.TrustedProxies,
            (o, v) => o with { TrustedProxies = v }) with
        {
            Group = Front,
            DefaultInWords = "none",
            Details = "See [the word of a proxy](#the-word-of-a-proxy).",
        },
        Declare<ServerOptions>.Choice(
            "proxy-header",
            "The fields in which trusted proxies are believed; the others are dropped.",
            [("x-forwarded", ProxyFields.XForwarded), ("forwarded", ProxyFields.Forwarded)],
            o => o.ProxyFields,
            (o, v) => o with { ProxyFields = v }) with
        {
            Group = Front,
        },
        Declare<ServerOptions>.Switch(
            "accept-proxy-protocol", "Trusted proxies begin every connection with a PROXY protocol header; nobody else may.", o => o.AcceptsProxyProtocol, (o, v) => o with { AcceptsProxyProtocol = v }) with
        {
            Group = Front,
        },
        Declare<ServerOptions>.Switch("require-token", "Agents on this machine need a token as well.", o => o.RequireToken, (o, v) => o with { RequireToken = v }) with { Group = Agents },
        Declare<ServerOptions>.Switch(
            "allow-plaintext-agents",
            "Let agents from elsewhere connect without TLS. Whoever is on the way can then read and change everything.",
            o => o.AllowPlaintextAgents,
            (o, v) => o with { AllowPlaintextAgents = v }) with
        {
            Group = Agents,
        },
        Declare<ServerOptions>.Seconds("hold", "How long a request waits for an agent that is not connected; 0: not at all.", o => o.Hold, (o, v) => o with { Hold = v }, mayBeZero: true) with { Group = Lost },
        Declare<ServerOptions>.Seconds(
            "resume-window",
            "How long the requests of an agent that lost its connection wait for it; 0: they fail at once.",
            o => o.ResumeWindow,
            (o, v) => o with { ResumeWindow = v },
            mayBeZero: true) with
        {
            Group = Lost,
            Details = "See [When an agent is lost](#when-an-agent-is-lost).",
        },
        Declare<ServerOptions>.Seconds("grace", "Time running requests have when the server stops.", o => o.Grace, (o, v) => o with { Grace = v }, mayBeZero: true) with { Group = Lost },
        Declare<ServerOptions>.Path(
            "access-log", "FILE", "Append a line for every request and raw connection to FILE; - is standard output.", o => o.AccessLog, (o, v) => o with { AccessLog = v }) with
        {
            Group = Logs,
            IsCommon = true,
            DefaultInWords = "none",
            Details = "See [the access log](#the-access-log).",
        },
        Declare<ServerOptions>.Choice("access-log-format", "How its lines are written.", [("text", false), ("json", true)], o => o.AccessLogIsJson, (o, v) => o with { AccessLogIsJson = v }) with { Group = Logs },
        Declare<ServerOptions>.Of(
            "errors-url",
            "URL",
            "Where visitors find what the code of an error means: the page links to URL#CODE, or to URL with {code} in it replaced.",
            ErrorsUrl.Read,
            static url => url?.ToString(),
            o => o.ErrorsUrl,
            (o, v) => o with { ErrorsUrl = v }) with
        {
            Group = Pages,
            DefaultInWords = "no link",
            Details = "An own copy of [errors.md](errors.md) will do.",
        },
        Declare<ServerOptions>.Choice(
            "landing-page", "Whether the domain itself shows that a server runs here, or is not found.", [("on", true), ("off", false)], o => o.HasLandingPage, (o, v) => o with { HasLandingPage = v }) with
        {
            Group = Pages,
        },
        StateDirectory.Declare<ServerOptions>(o => o.StateDir, (o, v) => o with { StateDir = v }) with { Group = Logs, IsCommon = true },
        .. LogOptions.Declarations.Select(declaration => declaration.Within<ServerOptions>(o => o.Log, (o, v) => o with { Log = v }) with { Group = Logs }),
        .. LimitDeclarations.All,
    ];
}

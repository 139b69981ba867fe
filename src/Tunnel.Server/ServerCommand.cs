using System.CommandLine;
using System.Net;
using Microsoft.Extensions.Logging;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Identity;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server;

/// <summary>The command line of <c>tunnel-server</c> (docs/operating.md, "The server").</summary>
internal sealed class ServerCommand
{
    private static readonly ServerOptions Defaults = new();

    private readonly RootCommand _command = new(
        "Puts local web servers on public names. Run this where the internet can reach it, and tunnel-agent beside each local server.");

    private readonly ProgramLog _log;
    private readonly LimitOptions _limits;
    private readonly Option<string?> _domain;
    private readonly Option<string?> _publicUrl;
    private readonly Option<int?> _httpPort;
    private readonly Option<int?> _httpsPort;
    private readonly TlsSettings _tls;
    private readonly Option<bool> _acceptProxyProtocol;
    private readonly Option<string?> _tcpPorts;
    private readonly Option<int?> _agentPort;
    private readonly Option<IPAddress?> _bind;
    private readonly Option<double> _grace;
    private readonly Option<double> _hold;
    private readonly Option<double> _resumeWindow;
    private readonly Option<bool> _reusePort;
    private readonly Option<string?> _trustedProxy;
    private readonly Option<string?> _proxyHeader;
    private readonly Option<string?> _errorsUrl;
    private readonly Option<string?> _landingPage;
    private readonly Option<string?> _accessLog;
    private readonly Option<string?> _accessLogFormat;
    private readonly Option<string?> _stateDirectory;
    private readonly Option<bool> _requireToken;
    private readonly Option<bool> _allowPlaintext;

    public ServerCommand()
    {
        var options = new OptionSet(_command, "TUNNEL_SERVER_");
        _domain = options.Text("--domain", "NAME", "Tunnels are <subdomain>.NAME.", Defaults.Domain);
        _publicUrl = options.Text(
            "--public-url", "URL", "What visitors type, like https://DOMAIN, when a proxy or a mapping of ports stands in front of this server.");
        _httpPort = options.Number("--http-port", "Port for visitors; 0 picks a free one. Default: 80, or 8000 if 80 cannot be had.");
        _httpsPort = options.Number("--https-port", "Port for encrypted visitors; 0 picks a free one. Default: 443, or 8443 if 443 cannot be had, when there is a certificate.");
        _tls = new TlsSettings(options);
        _agentPort = options.Number("--agent-port", "Port for agents; 0 picks a free one.", Defaults.AgentPort);
        _bind = options.Address("--bind", "Address to listen on. Default: every address, IPv4 and IPv6.");
        _grace = options.Seconds("--grace", "Time running requests have when the server stops.", Defaults.Grace);
        _reusePort = options.Switch("--reuse-port", "Let another server with --reuse-port run on the same ports, to take over from this one. Linux only.");
        _hold = options.Seconds("--hold", "How long a request waits for an agent that is not connected; 0: not at all.", Defaults.Hold);
        _resumeWindow = options.Seconds(
            "--resume-window", "How long the requests of an agent that lost its connection wait for it; 0: they fail at once.", Defaults.ResumeWindow);
        _trustedProxy = options.Text(
            "--trusted-proxy", "CIDR,...", "Proxies in front of this server whose word on the visitor (see --proxy-header) is believed and continued. Default: none.");
        _proxyHeader = options.Choice("--proxy-header", "The fields in which trusted proxies are believed; the others are dropped.", "x-forwarded", "x-forwarded", "forwarded");
        _acceptProxyProtocol = options.Switch("--accept-proxy-protocol", "Trusted proxies begin every connection with a PROXY protocol header; nobody else may.");
        _tcpPorts = options.Text("--tcp-ports", "FIRST-LAST", "Ports for raw TCP tunnels, like 20000-20999. Default: there are no such tunnels.");
        _errorsUrl = options.Text("--errors-url", "URL", "Where visitors find what the code of an error means: the page links to URL#CODE, or to URL with {code} in it replaced. Default: no link.");
        _landingPage = options.Choice("--landing-page", "Whether the domain itself shows that a server runs here, or is not found.", "on", "on", "off");
        _accessLog = options.Text("--access-log", "FILE", "Append a line for every request and raw connection to FILE; - is standard output. Default: none.");
        _accessLogFormat = options.Choice("--access-log-format", "How its lines are written.", "text", "text", "json");
        _stateDirectory = StateDirectory.AddOption(options);
        _requireToken = options.Switch("--require-token", "Agents on this machine need a token as well.");
        _allowPlaintext = options.Switch("--allow-plaintext-agents", "Let agents from elsewhere connect without TLS. Whoever is on the way can then read and change everything.");
        _limits = new LimitOptions(options);
        _log = new ProgramLog(options);
        new TokenCommand(TimeProvider.System).AddTo(_command);
    }

    public Task<int> RunAsync(string[] arguments) => ProgramRunner.RunAsync(_command, arguments, ServeAsync);

    private async Task<int> ServeAsync(ParseResult arguments)
    {
        // Before anything is opened or made for it.
        ServerOptions options = Read(arguments).Validate();
        using ILoggerFactory logs = _log.Create(arguments);
        using var signals = new StopSignals();
        signals.LimitStop(options.Grace);
        WarnOfFewDescriptors(options, logs.CreateLogger("tunnel-server"));
        ServerHost host;
        ServerState? state;
        try
        {
            state = await StateDirectory.OpenAsync(arguments.GetValue(_stateDirectory), options.Domain, logs);
        }
        catch (StateException error)
        {
            await StandardLines.ErrorAsync(ServerErrors.StateUnusable, $"{error.Message} Choose another folder with --state-dir.");
            return ExitCodes.Failed;
        }

        using ServerState? kept = state;
        try
        {
            // Apart, because files are read: a file system that does not answer must not keep anybody from stopping this.
            Task<ServerHost> start = Task.Run(() => ServerHost.Start(options, logs, state: state));
            if (await Task.WhenAny(start, signals.WaitAsync()) != start)
            {
                return ExitCodes.Stopped;
            }

            host = await start;
        }
        catch (BindException error)
        {
            await StandardLines.ErrorAsync(BindErrors.Of(error), $"{error.Message} Choose another port or address with --http-port, --https-port, --agent-port or --bind.");
            return ExitCodes.Failed;
        }

        await using (host)
        {
            signals.OnReload(host.Reload);
            await StandardLines.OutAsync($"Ready: {string.Join(" and ", host.UrlsOf("*." + options.Domain))} for visitors, port {host.AgentPort} for agents");
            await signals.WaitAsync();
            await host.StopAsync(signals.Hurry);
        }

        return ExitCodes.Stopped;
    }

    private static void WarnOfFewDescriptors(ServerOptions options, ILogger log)
    {
        long limit = DescriptorLimit.Lift();
        long needed = (long)options.MaxVisitors + options.MaxSessions + DescriptorLimit.Own;
        if (limit < needed)
        {
            ServerLog.FewDescriptors(log, limit, options.MaxVisitors, needed);
        }
    }

    private ServerOptions Read(ParseResult arguments) => Read(arguments, arguments.GetValue(_domain)!.ToLowerInvariant().TrimEnd('.'));

    private ServerOptions Read(ParseResult arguments, string domain) => _limits.Read(arguments, _tls.Read(arguments, Defaults) with
    {
        Domain = domain,
        PublicUrl = arguments.GetValue(_publicUrl) is { } url ? Routing.PublicUrl.Parse(url, domain) : null,
        HttpPort = arguments.GetValue(_httpPort),
        HttpsPort = arguments.GetValue(_httpsPort),
        StateDir = arguments.GetValue(_stateDirectory),
        AcceptsProxyProtocol = arguments.GetValue(_acceptProxyProtocol),
        TcpPorts = ReadPorts(arguments.GetValue(_tcpPorts)),
        AgentPort = arguments.GetValue(_agentPort) ?? Defaults.AgentPort,
        Bind = arguments.GetValue(_bind),
        Grace = TimeSpan.FromSeconds(arguments.GetValue(_grace)),
        SharesPorts = arguments.GetValue(_reusePort),
        Inherited = InheritedSockets.Take(),
        Hold = TimeSpan.FromSeconds(arguments.GetValue(_hold)),
        ResumeWindow = TimeSpan.FromSeconds(arguments.GetValue(_resumeWindow)),
        TrustedProxies = Forwarding.TrustedProxies.Parse(arguments.GetValue(_trustedProxy)),
        ProxyFields = arguments.GetValue(_proxyHeader) == "forwarded" ? Forwarding.ProxyFields.Forwarded : Forwarding.ProxyFields.XForwarded,
        ErrorsUrl = arguments.GetValue(_errorsUrl) is { } errors ? Edge.ErrorsUrl.Parse(errors) : null,
        HasLandingPage = arguments.GetValue(_landingPage) == "on",
        AccessLog = arguments.GetValue(_accessLog),
        AccessLogIsJson = arguments.GetValue(_accessLogFormat) == "json",
        RequireToken = arguments.GetValue(_requireToken),
        AllowPlaintextAgents = arguments.GetValue(_allowPlaintext),
    });

    private static (int First, int Last)? ReadPorts(string? text)
    {
        if (text is null)
        {
            return null;
        }

        return PortRange.TryParse(text, out PortRange range)
            ? (range.First, range.Last)
            : throw new ArgumentException($"--tcp-ports: '{Printable.Of(text)}' is not a range of ports like 20000-20999.");
    }
}

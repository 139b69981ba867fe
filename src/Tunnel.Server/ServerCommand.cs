using System.CommandLine;
using System.Net;
using Microsoft.Extensions.Logging;
using Tunnel.Hosting;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server;

/// <summary>The command line of <c>tunnel-server</c> (DESIGN section 8).</summary>
internal sealed class ServerCommand
{
    private static readonly ServerOptions Defaults = new();

    private readonly RootCommand _command = new(
        "Puts local web servers on public names. Run this where the internet can reach it, and tunnel-agent beside each local server.");

    private readonly ProgramLog _log;
    private readonly Option<string?> _domain;
    private readonly Option<int?> _httpPort;
    private readonly Option<int?> _agentPort;
    private readonly Option<IPAddress?> _bind;
    private readonly Option<double> _headTime;
    private readonly Option<double> _idleTime;
    private readonly Option<double> _grace;
    private readonly Option<string?> _trustedProxy;
    private readonly Option<string?> _accessLog;
    private readonly Option<string?> _accessLogFormat;
    private readonly Option<long?> _maxBody;
    private readonly Option<int?> _maxStreams;
    private readonly Option<int?> _maxSessions;
    private readonly Option<int?> _maxConnections;
    private readonly Option<int?> _maxPerAddress;

    public ServerCommand()
    {
        var options = new OptionSet(_command, "TUNNEL_SERVER_");
        _domain = options.Text("--domain", "NAME", "Tunnels are <subdomain>.NAME.", Defaults.Domain);
        _httpPort = options.Number("--http-port", "Port for visitors; 0 picks a free one. Default: 80, or 8000 if 80 cannot be had.");
        _agentPort = options.Number("--agent-port", "Port for agents; 0 picks a free one.", Defaults.AgentPort);
        _bind = options.Address("--bind", "Address to listen on. Default: every address, IPv4 and IPv6.");
        _headTime = options.Seconds("--head-time", "Time a visitor has for a request head.", Defaults.HeadTime);
        _idleTime = options.Seconds("--idle-time", "How long a connection may stay open between requests.", Defaults.IdleTime);
        _grace = options.Seconds("--grace", "Time running requests have when the server stops.", Defaults.Grace);
        _trustedProxy = options.Text(
            "--trusted-proxy", "CIDR,...", "Proxies in front of this server whose X-Forwarded-* and Forwarded are believed and continued. Default: none.");
        _accessLog = options.Text("--access-log", "FILE", "Append a line for every request to FILE; - is standard output. Default: none.");
        _accessLogFormat = options.Choice("--access-log-format", "How its lines are written.", "text", "text", "json");
        _maxBody = options.Bytes("--max-body", "Largest request body. Default: no limit.");
        _maxStreams = options.Number("--max-streams", "Requests under way per agent session.", Defaults.MaxStreamsPerSession);
        _maxSessions = options.Number("--max-sessions", "Agent sessions in all.", Defaults.MaxSessions);
        _maxConnections = options.Number("--max-connections", "Visitor connections in all.", Defaults.MaxVisitors);
        _maxPerAddress = options.Number("--max-connections-per-address", "Visitor connections per address.", Defaults.MaxVisitorsPerAddress);
        _log = new ProgramLog(options);
    }

    public Task<int> RunAsync(string[] arguments) => ProgramRunner.RunAsync(_command, arguments, ServeAsync);

    private async Task<int> ServeAsync(ParseResult arguments)
    {
        ServerOptions options = Read(arguments);
        using ILoggerFactory logs = _log.Create(arguments);
        using var signals = new StopSignals();
        ServerHost host;
        try
        {
            host = ServerHost.Start(options, logs);
        }
        catch (BindException error)
        {
            await Console.Error.WriteLineAsync($"{error.Message} Choose another port or address with --http-port, --agent-port or --bind.");
            return ExitCodes.Failed;
        }

        await using (host)
        {
            await Console.Out.WriteLineAsync($"Ready: {host.PublicUrl("*." + options.Domain)} for visitors, port {host.AgentPort} for agents");
            await signals.WaitAsync();
            await host.StopAsync(signals.Hurry);
        }

        return ExitCodes.Stopped;
    }

    private ServerOptions Read(ParseResult arguments) => Defaults with
    {
        Domain = arguments.GetValue(_domain)!.ToLowerInvariant().TrimEnd('.'),
        HttpPort = arguments.GetValue(_httpPort),
        AgentPort = arguments.GetValue(_agentPort) ?? Defaults.AgentPort,
        Bind = arguments.GetValue(_bind),
        HeadTime = TimeSpan.FromSeconds(arguments.GetValue(_headTime)),
        IdleTime = TimeSpan.FromSeconds(arguments.GetValue(_idleTime)),
        Grace = TimeSpan.FromSeconds(arguments.GetValue(_grace)),
        TrustedProxies = Edge.TrustedProxies.Parse(arguments.GetValue(_trustedProxy)),
        AccessLog = arguments.GetValue(_accessLog),
        AccessLogIsJson = arguments.GetValue(_accessLogFormat) == "json",
        MaxBody = arguments.GetValue(_maxBody),
        MaxStreamsPerSession = arguments.GetValue(_maxStreams) ?? Defaults.MaxStreamsPerSession,
        MaxSessions = arguments.GetValue(_maxSessions) ?? Defaults.MaxSessions,
        MaxVisitors = arguments.GetValue(_maxConnections) ?? Defaults.MaxVisitors,
        MaxVisitorsPerAddress = arguments.GetValue(_maxPerAddress) ?? Defaults.MaxVisitorsPerAddress,
    };
}

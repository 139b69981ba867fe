using System.CommandLine;
using Microsoft.Extensions.Logging;
using Tunnel.Agent.Connection;
using Tunnel.Agent.Console;
using Tunnel.Hosting;

namespace Tunnel.Agent;

/// <summary>The command line of <c>tunnel-agent</c> (DESIGN section 8).</summary>
internal sealed class AgentCommand
{
    private static readonly AgentOptions Defaults = new();

    private readonly RootCommand _command = new(
        "Puts a local web server on a public name of a tunnel-server: tunnel-agent --subdomain demo --port 8080");

    private readonly ProgramLog _log;
    private readonly Option<string?> _subdomain;
    private readonly Option<string?> _hostname;
    private readonly Option<int?> _port;
    private readonly Option<string?> _localHost;
    private readonly Option<string?> _server;
    private readonly Option<string?> _hostHeader;
    private readonly Option<string?> _via;
    private readonly Option<double> _answerTime;
    private readonly Option<double> _grace;

    public AgentCommand()
    {
        var options = new OptionSet(_command, "TUNNEL_AGENT_");
        _port = options.Number("--port", "Port of your local server. Required.");
        _subdomain = options.Text("--subdomain", "NAME", "Ask for <NAME>.<the server's domain>. Default: the server chooses a name.");
        _hostname = options.Text("--hostname", "NAME", "Ask for a whole name of your own instead, like www.example.org.");
        _localHost = options.Text("--local-host", "NAME", "Host of your local server.", Defaults.LocalHost);
        _server = options.Text("--server", "HOST[:PORT]", "The tunnel-server to connect to.", $"localhost:{AgentOptions.DefaultServerPort}");
        _hostHeader = options.Text(
            "--host-header", "preserve|origin|VALUE", "The Host your local server sees: what the visitor sent, its own, or VALUE.", Defaults.HostHeader);
        _via = options.Choice("--via", "Whether your local server sees a Via header.", Defaults.Via ? "on" : "off", "on", "off");
        _answerTime = options.Seconds("--answer-time", "How long your local server may take to begin an answer.", Defaults.OriginAnswerTime);
        _grace = options.Seconds("--grace", "Time running requests have when the agent stops.", Defaults.Grace);
        _log = new ProgramLog(options);
    }

    public Task<int> RunAsync(string[] arguments) => ProgramRunner.RunAsync(_command, arguments, ServeAsync);

    private async Task<int> ServeAsync(ParseResult arguments)
    {
        AgentOptions options = Read(arguments);
        using ILoggerFactory logs = _log.Create(arguments);
        using var signals = new StopSignals();
        await using var line = new ForwardingLine(options, System.Console.Out);
        await using AgentHost host = AgentHost.Start(options, line, logs);
        await Task.WhenAny(host.Exited, signals.WaitAsync());
        await host.StopAsync(signals.Hurry);
        return (int)await host.Exited;
    }

    private AgentOptions Read(ParseResult arguments)
    {
        if (arguments.GetValue(_port) is not { } port)
        {
            throw new ArgumentException("--port is missing: the port your local server listens on, like --port 8080.");
        }

        string server = arguments.GetValue(_server)!;
        if (!ServerAddress.TryParse(server, out string host, out int serverPort))
        {
            throw new ArgumentException($"--server: '{Printable.Of(server)}' is not HOST or HOST:PORT.");
        }

        return Defaults with
        {
            ServerHost = host,
            ServerPort = serverPort,
            Subdomain = arguments.GetValue(_subdomain),
            Hostname = arguments.GetValue(_hostname),
            Port = port,
            LocalHost = arguments.GetValue(_localHost)!,
            HostHeader = arguments.GetValue(_hostHeader)!,
            Via = arguments.GetValue(_via) == "on",
            OriginAnswerTime = TimeSpan.FromSeconds(arguments.GetValue(_answerTime)),
            Grace = TimeSpan.FromSeconds(arguments.GetValue(_grace)),
        };
    }
}

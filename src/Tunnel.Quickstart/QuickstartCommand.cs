using System.CommandLine;
using System.Net;
using Microsoft.Extensions.Logging;
using Tunnel.Agent;
using Tunnel.Agent.Connection;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Server;
using Tunnel.Transport.Sockets;

namespace Tunnel.Quickstart;

/// <summary>
/// A server, an agent and, unless <c>--port</c> names one, a small origin: the whole way of a request on this machine, to
/// see it work. Loopback only.
/// </summary>
internal sealed class QuickstartCommand
{
    private readonly RootCommand _command = new(
        "Tries the tunnel out on this machine: a server, an agent and a sample web server in one process, on loopback only.");

    private readonly ProgramLog _log;
    private readonly Option<int?> _port;
    private readonly Option<string?> _subdomain;
    private readonly Option<int?> _httpPort;

    public QuickstartCommand()
    {
        var options = new OptionSet(_command, "TUNNEL_QUICKSTART_");
        _port = options.Number("--port", "Port of a web server of yours to put behind the tunnel. Default: a sample one.");
        _subdomain = options.Text("--subdomain", "NAME", "The name to put it on: NAME.localhost.", "demo");
        _httpPort = options.Number("--http-port", "Port for visitors; 0 picks a free one. Default: 8000, or any if that is taken.");
        _log = new ProgramLog(options, level: "warning");
    }

    public Task<int> RunAsync(string[] arguments) => ProgramRunner.RunAsync(_command, arguments, ServeAsync);

    private async Task<int> ServeAsync(ParseResult arguments)
    {
        using ILoggerFactory logs = _log.Create(arguments);
        using var signals = new StopSignals();
        await using SampleOrigin? sample = arguments.GetValue(_port) is null ? SampleOrigin.Start() : null;
        ServerHost server;
        try
        {
            server = StartServer(arguments.GetValue(_httpPort), logs);
        }
        catch (BindException error)
        {
            await StandardLines.ErrorAsync(BindErrors.Of(error), $"{error.Message} Choose another port with --http-port.");
            return ExitCodes.Failed;
        }

        await using (server)
        {
            var options = new AgentOptions
            {
                ServerPort = server.AgentPort,
                Subdomain = arguments.GetValue(_subdomain),
                Port = arguments.GetValue(_port) ?? sample!.Port,
            };
            await using AgentHost agent = AgentHost.Start(options, new Announcement(options), logs);
            await Task.WhenAny(agent.Exited, signals.WaitAsync());
            await agent.StopAsync(signals.Hurry);
            await server.StopAsync(signals.Hurry);
            return (int)await agent.Exited;
        }
    }

    private static ServerHost StartServer(int? httpPort, ILoggerFactory logs)
    {
        const int FriendlyPort = 8000;
        var options = new ServerOptions { LoopbackOnly = true, AgentPort = 0, HttpPort = httpPort ?? FriendlyPort };
        try
        {
            return ServerHost.Start(options, logs);
        }
        catch (BindException taken) when (httpPort is null && taken.Failure == BindFailure.InUse)
        {
            return ServerHost.Start(options with { HttpPort = 0 }, logs);
        }
    }

    private sealed class Announcement(AgentOptions options) : IAgentEvents
    {
        public void OnForwarding(TunnelGrant grant, IPEndPoint? server)
        {
            _ = StandardLines.OutAsync(
                $"Forwarding {grant.Url} -> http://{options.LocalHost}:{options.Port}\nOpen {grant.Url}/ in a browser on this machine. Ctrl-C ends it.");
        }
    }
}

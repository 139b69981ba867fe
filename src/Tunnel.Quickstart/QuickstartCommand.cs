using System.CommandLine;
using System.Net;
using Microsoft.Extensions.Logging;
using Tunnel.Agent;
using Tunnel.Agent.Connection;
using Tunnel.Agent.Link;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;
using Tunnel.Server;
using Tunnel.Server.Edge;
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

    private readonly OptionBinder<QuickstartOptions> _options;

    public QuickstartCommand()
    {
        _options = new OptionBinder<QuickstartOptions>(_command, "TUNNEL_QUICKSTART_", QuickstartOptions.Declarations);
        new HelpPage(_command).Describe(_command, new HelpText { DefaultOf = declaration => ((OptionDeclaration<QuickstartOptions>)declaration).TextIn(new QuickstartOptions()) });
    }

    public Task<int> RunAsync(string[] arguments) => ProgramRunner.RunAsync(_command, arguments, ServeAsync);

    private async Task<int> ServeAsync(ParseResult arguments)
    {
        var faults = new OptionFaults();
        QuickstartOptions options = _options.Bind(arguments, new QuickstartOptions(), faults);
        faults.ThrowIfAny();
        using ILoggerFactory logs = ProgramLog.Create(options.Log);
        using var signals = new StopSignals();
        await using SampleOrigin? sample = options.Port is null ? SampleOrigin.Start() : null;
        ServerHost server;
        try
        {
            server = StartServer(options.HttpPort, logs);
        }
        catch (BindException error)
        {
            await StandardLines.ErrorAsync(BindErrors.Of(error), $"{error.Message} Choose another port with --http-port.");
            return ExitCodes.Failed;
        }

        await using (server)
        {
            var agentOptions = new AgentOptions
            {
                Link = new LinkOptions { Port = server.AgentPort },
                Tunnels = [new TunnelOptions { Subdomain = options.Subdomain, Origin = new OriginOptions { Port = options.Port ?? sample!.Port } }],
            };
            await using AgentHost agent = AgentHost.Start(agentOptions, new Announcement(), logs);
            await Task.WhenAny(agent.Exited, signals.WaitAsync());
            await agent.StopAsync(signals.Hurry);
            await server.StopAsync(signals.Hurry);
            return (int)await agent.Exited;
        }
    }

    private static ServerHost StartServer(int? httpPort, ILoggerFactory logs)
    {
        const int FriendlyPort = 8000;
        var options = new ServerOptions { Listen = new ListenOptions { LoopbackOnly = true, AgentPort = 0, HttpPort = httpPort ?? FriendlyPort } };
        try
        {
            return ServerHost.Start(options, logs);
        }
        catch (BindException taken) when (httpPort is null && taken.Failure == BindFailure.InUse)
        {
            return ServerHost.Start(options with { Listen = options.Listen with { HttpPort = 0 } }, logs);
        }
    }

    private sealed class Announcement : IAgentEvents
    {
        public void OnForwarding(TunnelOptions tunnel, TunnelGrant grant, IPEndPoint? server)
        {
            _ = StandardLines.OutAsync(
                $"Forwarding {grant.Url} -> {tunnel.OriginText}\nOpen {grant.Url}/ in a browser on this machine. Ctrl-C ends it.");
        }
    }
}

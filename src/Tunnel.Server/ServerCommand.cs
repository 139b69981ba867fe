using System.CommandLine;
using Microsoft.Extensions.Logging;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Options;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Edge;
using Tunnel.Server.Identity;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server;

/// <summary>The command line of <c>tunnel-server</c> (docs/operating.md, "The server").</summary>
internal sealed class ServerCommand
{
    private readonly RootCommand _command = new(
        "Puts local web servers on public names. Run this where the internet can reach it, and tunnel-agent beside each local server.");

    private readonly OptionBinder<ServerOptions> _options;

    public ServerCommand()
    {
        _options = new OptionBinder<ServerOptions>(_command, ServerDeclarations.Prefix, ServerDeclarations.All);
        new TokenCommand(TimeProvider.System, ServerFile.ReadWhere).AddTo(_command);
        ServerFile.AddTo(_command);
        CompletionCommand.AddTo(_command, "tunnel-server");
        var help = new HelpPage(_command);
        new ServiceCommand(_command, help, "tunnel-server").AddInstall(ServerService.Extend, ServerService.Help);
        help.Describe(_command, new HelpText
        {
            Usage = ["--domain NAME [options]", "token create|list|revoke", "service install|status|logs"],
            DefaultOf = declaration => (declaration as OptionDeclaration<ServerOptions>)?.TextIn(new ServerOptions()),
            Examples =
            [
                ("tunnel-server --domain tunnel.com", "Serves <name>.tunnel.com on port 80, and agents on port 9090."),
                ("tunnel-server --domain tunnel.com --cert fullchain.pem --key privkey.pem", "The same with HTTPS on port 443."),
                ("tunnel-server token create laptop --subdomain demo", "Prints the token that lets an agent serve demo.tunnel.com."),
            ],
        });
    }

    public Task<int> RunAsync(string[] arguments) => ProgramRunner.RunAsync(_command, arguments, ServeAsync);

    private async Task<int> ServeAsync(ParseResult arguments)
    {
        // Before anything is opened or made for it.
        var faults = new OptionFaults();
        ServerOptions options = ServerFile.Bind(_options, arguments, new ServerOptions { Listen = new ListenOptions { Inherited = InheritedSockets.Take() } }, faults);
        faults.ThrowIfAny();
        options.Validate();
        using ILoggerFactory logs = ProgramLog.Create(options.Log);
        using var signals = new StopSignals();
        signals.LimitStop(options.Grace);
        WarnOfFewDescriptors(options, logs.CreateLogger("tunnel-server"));
        ServerHost host;
        ServerState? state;
        try
        {
            state = await StateDirectory.OpenAsync(options.StateDir, options.Domain, logs);
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
            ServiceManager manager = ServiceManager.OfThisProcess();
            var settings = new ChangedSettings(ServerFile.Find(options.ConfigFile));
            signals.OnReload(() =>
            {
                manager.Reloading();
                host.Reload();
                settings.Tell(logs.CreateLogger("tunnel-server"));
                manager.Ready();
            });
            await StandardLines.OutAsync($"Ready: {string.Join(" and ", host.UrlsOf("*." + options.Domain))} for visitors, port {host.AgentPort} for agents");
            manager.Ready();
            await signals.WaitAsync();
            manager.Stopping();
            await host.StopAsync(signals.Hurry);
        }

        return ExitCodes.Stopped;
    }

    private static void WarnOfFewDescriptors(ServerOptions options, ILogger log)
    {
        long limit = DescriptorLimit.Lift();
        long needed = (long)options.Visitors.MaxConnections + options.Agents.MaxSessions + DescriptorLimit.Own;
        if (limit < needed)
        {
            ServerLog.FewDescriptors(log, limit, options.Visitors.MaxConnections, needed);
        }
    }
}

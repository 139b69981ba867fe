using System.CommandLine;
using Microsoft.Extensions.Logging;
using Tunnel.Agent.Console;
using Tunnel.Agent.Control;
using Tunnel.Agent.Diagnostics;
using Tunnel.Agent.Identity;
using Tunnel.Agent.Link;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Hosting;
using Tunnel.Hosting.Control;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Agent;

/// <summary>What every command that runs an agent does, whatever tunnels it is for: settings, token, log, signals.</summary>
internal sealed class AgentProgram
{
    private readonly OptionBinder<AgentOptions> _options;

    /// <summary>Adds the options of the agent itself to a command.</summary>
    public AgentProgram(Command command) => _options = new OptionBinder<AgentOptions>(command, AgentOptions.EnvironmentPrefix, AgentOptions.Declarations);

    /// <summary>What was given for the agent itself.</summary>
    /// <param name="file">What a file says, by the name of the option; null: there is none.</param>
    public AgentOptions Bind(ParseResult arguments, OptionFaults faults, IReadOnlyDictionary<string, GivenValue>? file = null) =>
        _options.Bind(arguments, new AgentOptions(), faults, file);

    /// <summary>Runs an agent until it is stopped.</summary>
    /// <param name="follow">Makes what follows the file that the tunnels are from; null: they are from none.</param>
    /// <exception cref="ArgumentException">It cannot work with the options.</exception>
    public async Task<int> RunAsync(ParseResult arguments, AgentOptions given, Func<AgentHost, ILogger, FileFollower>? follow = null)
    {
        (AgentOptions options, FoundToken? found) = Resolve(arguments, given);
        await using LiveConsole? console = LiveConsole.TryOpen(options, TimeProvider.System);
        using ILoggerFactory logs = ProgramLog.Create(options.Log, console?.Notes);
        ILogger log = logs.CreateLogger("tunnel-agent");
        Warn(found, options.Link, log);
        using var signals = new StopSignals();
        signals.LimitStop(options.Grace);
        WarnOfFewDescriptors(options, log);
        await using ForwardingLine line = console?.NewForwardingLine() ?? new ForwardingLine(System.Console.Out, System.Console.Out);
        IExchangeWatch? plain = options.LogsRequests ? new RequestLines(log, TimeProvider.System) : null;
        await using AgentHost host = AgentHost.Start(options, line, console?.Traffic ?? plain, logs);
        console?.Show(() => host.View, signals.Stop, signals.Hurry);
        using var over = new CancellationTokenSource();
        FileFollower? follower = follow?.Invoke(host, log);
        Task following = follower?.RunAsync(over.Token) ?? Task.CompletedTask;
        ServiceManager manager = ServiceManager.OfThisProcess();
        signals.OnReload(() => _ = ReloadAsync(follower, manager, log));
        DateTimeOffset since = TimeProvider.System.GetUtcNow();
        var control = new AgentControl(
            () => AgentReport.Of(since, options.Link.Server, host.Status, follower?.Path, host.Tunnels), follower is null ? null : follower.ReloadAsync, signals.AskToStop);
        await using ControlSocket? socket = OpenControl(control, log);

        // Without a link it works as well: it dials, and goes on dialling.
        manager.Ready();
        await Task.WhenAny(host.Exited, signals.WaitAsync());
        manager.Stopping();
        await over.CancelAsync();
        await following;
        await host.StopAsync(signals.Hurry);
        return (int)await host.Exited;
    }

    private static async Task ReloadAsync(FileFollower? follower, ServiceManager manager, ILogger log)
    {
        manager.Reloading();
        if (follower is null)
        {
            AgentLog.NothingToReload(log);
        }
        else
        {
            await follower.ReloadAsync();
        }

        manager.Ready();
    }

    private static ControlSocket? OpenControl(AgentControl control, ILogger log)
    {
        try
        {
            return ControlSocket.Open(ControlFolder.ForStart("tunnel-agent"), control.AnswerAsync, TimeProvider.System);
        }
        catch (IOException error)
        {
            AgentLog.NoControl(log, Printable.Of(error.Message));
            return null;
        }
    }

    /// <summary>The options with all that is looked for elsewhere: the token, the proxy, the folder for state.</summary>
    /// <exception cref="ArgumentException">It cannot work with them.</exception>
    public (AgentOptions Options, FoundToken? Token) Resolve(ParseResult arguments, AgentOptions given)
    {
        FoundToken? found = FindToken(arguments, given.Link);
        AgentOptions options = (given with
        {
            Link = Resolve(given.Link, found?.Token, found?.IsStored ?? false),
            StateFolder = given.StateFolder ?? ProgramFolders.State("tunnel-agent"),
        }).Validate();
        return (options, found);
    }

    private FoundToken? FindToken(ParseResult arguments, LinkOptions link)
    {
        bool isVisible = _options.IsOnCommandLine(arguments, "token");
        return TokenSource.Find(isVisible ? link.TokenText : null, link.TokenFile, isVisible ? null : link.TokenText, TokenPlace.SearchPath);
    }

    // What login stored is for the server it names; what was given for this run is for this run's server.
    private static LinkOptions Resolve(LinkOptions link, AgentToken? token, bool isStored)
    {
        LinkOptions there = token is null ? link : link.At(token.Server);
        LinkOptions named = link.IsNamed ? link : there;
        bool isForThisServer = !isStored || there.Host.Equals(named.Host, StringComparison.OrdinalIgnoreCase);
        return named with
        {
            Token = isForThisServer ? token : null,
            Proxy = ProxySettings.For(named.Host, named.Port, Environment.GetEnvironmentVariable),
        };
    }

    private static void Warn(FoundToken? found, LinkOptions link, ILogger log)
    {
        if (found?.Warning is { } warning)
        {
            AgentLog.TokenIsOpen(log, warning);
        }

        if (found is not null && link.Token is null)
        {
            AgentLog.StoredTokenUnused(log, found.Token.Server);
        }

        if (link.Plaintext)
        {
            AgentLog.Plaintext(log);
        }
    }

    // A request needs a connection to the local server, at most.
    private static void WarnOfFewDescriptors(AgentOptions options, ILogger log)
    {
        long limit = DescriptorLimit.Lift();
        long needed = ((long)options.Link.Links * options.Session.MaxStreams) + DescriptorLimit.Own;
        if (limit < needed)
        {
            AgentLog.FewDescriptors(log, limit, needed - DescriptorLimit.Own, needed);
        }
    }
}

using System.CommandLine;
using Microsoft.Extensions.Logging;
using Tunnel.Agent.Console;
using Tunnel.Agent.Diagnostics;
using Tunnel.Agent.Identity;
using Tunnel.Agent.Link;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Agent;

/// <summary>The command line of <c>tunnel-agent</c> (docs/operating.md, "The agent").</summary>
internal sealed class AgentCommand
{
    private const string EnvironmentPrefix = "TUNNEL_AGENT_";
    private static readonly AgentOptions Defaults = new();

    private readonly RootCommand _command = new(
        "Puts a local web server on a public name of a tunnel-server: tunnel-agent --subdomain demo --port 8080");

    private readonly ProgramLog _log;
    private readonly Option<string?> _subdomain;
    private readonly Option<string?> _hostname;
    private readonly Option<int?> _port;
    private readonly OriginSettings _origin;
    private readonly Option<string?> _protocol;
    private readonly Option<int?> _remotePort;
    private readonly Option<string?> _server;
    private readonly Option<string?> _token;
    private readonly Option<string?> _tokenFile;
    private readonly Option<string?> _ca;
    private readonly Option<bool> _plaintext;
    private readonly Option<string[]> _allow;
    private readonly Option<string[]> _deny;
    private readonly Option<string?> _basicAuthFile;
    private readonly Option<bool> _forwardAuth;
    private readonly Option<bool> _waitingPage;
    private readonly Option<string?> _hostHeader;
    private readonly Option<string?> _via;
    private readonly Option<double> _answerTime;
    private readonly Option<double> _answerIdleTime;
    private readonly Option<double> _grace;
    private readonly Option<bool> _pool;
    private readonly Option<int?> _links;
    private readonly Option<long?> _memoryLimit;
    private readonly Option<string?> _stateFolder;

    public AgentCommand()
    {
        var options = new OptionSet(_command, EnvironmentPrefix);
        _port = options.Number("--port", "Port of your local server. Required, unless there is a --local-socket.");
        _subdomain = options.Text("--subdomain", "NAME", "Ask for <NAME>.<the server's domain>. Default: the server chooses a name.");
        _hostname = options.Text("--hostname", "NAME", "Ask for a whole name of your own instead, like www.example.org.");
        _protocol = options.Choice("--protocol", "What the tunnel carries: HTTP, TLS that only your local server opens, or any TCP.", Defaults.Protocol, "http", "tls", "tcp");
        _remotePort = options.Number("--remote-port", "The public port of a TCP tunnel. Default: the server chooses.");
        _origin = new OriginSettings(options);
        _server = options.Text("--server", "HOST[:PORT]", $"The tunnel-server to connect to. Default: what the token says, else localhost:{AgentOptions.DefaultServerPort}.");
        _token = options.Secret("--token", "TOKEN", "Who this agent is. Other users can see it here: prefer 'tunnel-agent login' or --token-file.");
        _tokenFile = options.Text("--token-file", "FILE", "File with the token. Default: what 'tunnel-agent login' stored.");
        _ca = options.Text("--ca", "FILE", "PEM file of the authorities that vouch for the server, in place of the key in the token.");
        _plaintext = options.Switch("--plaintext", "Connect without TLS. Whoever is on the way can then read and change everything, the token included.");
        _hostHeader = options.Text(
            "--host-header", "preserve|origin|VALUE", "The Host your local server sees: what the visitor sent, its own, or VALUE.", Defaults.HostHeader);
        _via = options.Choice("--via", "Whether your local server sees a Via header.", Defaults.Via ? "on" : "off", "on", "off");
        _answerTime = options.Seconds("--answer-time", "How long your local server may take to begin an answer.", Defaults.OriginAnswerTime);
        _answerIdleTime = options.Seconds("--answer-idle-time", "How long an answer that has begun may pause; event streams and upgraded connections may for ever.", Defaults.AnswerIdleTime);
        _grace = options.Seconds("--grace", "Time running requests have when the agent stops.", Defaults.Grace);
        _pool = options.Switch("--pool", "Share the name with other agents that say --pool; visitors go to whichever has the least to do.");
        _links = options.Number("--links", "Connections to the server, side by side.", Defaults.Links);
        _memoryLimit = options.Size("--memory-limit", "Memory that may be held for all visitors together, like 256MiB. Default: a third of what this process can get.");
        _stateFolder = options.Text(
            "--state-dir", "FOLDER", "Where the agent keeps who it is, so that after a crash it gets its name back at once. Default: the user's folder for state.");
        _allow = options.Texts("--allow", "CIDR", "Let only visitors from this address or network through; the server turns the others away.");
        _deny = options.Texts("--deny", "CIDR", "Turn visitors from this address or network away, whatever --allow says.");
        _basicAuthFile = options.Text("--basic-auth-file", "FILE", "Ask visitors for a name and a password of this file, made with 'htpasswd -B'. Only the hashes leave this machine.");
        _forwardAuth = options.Switch("--forward-auth", "Let your local server see what visitors answered to --basic-auth-file.");
        _waitingPage = options.Switch("--waiting-page", "While this agent is away, show whoever opens a page in a browser that it waits, and load it when the agent is back.");
        _log = new ProgramLog(options);
        new LoginCommand().AddTo(_command);
    }

    public Task<int> RunAsync(string[] arguments) => ProgramRunner.RunAsync(_command, arguments, ServeAsync);

    private async Task<int> ServeAsync(ParseResult arguments)
    {
        FoundToken? found = TokenSource.Find(
            arguments.GetValue(_token),
            arguments.GetValue(_tokenFile),
            Environment.GetEnvironmentVariable($"{EnvironmentPrefix}TOKEN"),
            TokenPlace.FilePath);
        AgentOptions options = Read(arguments, found);
        using ILoggerFactory logs = _log.Create(arguments);
        Warn(found, options, logs.CreateLogger("tunnel-agent"));
        using var signals = new StopSignals();
        signals.LimitStop(options.Grace);
        WarnOfFewDescriptors(options, logs.CreateLogger("tunnel-agent"));
        await using var line = new ForwardingLine(options, System.Console.Out);
        await using AgentHost host = AgentHost.Start(options, line, logs);
        signals.OnReload(() => AgentLog.NothingToReload(logs.CreateLogger("tunnel-agent")));
        await Task.WhenAny(host.Exited, signals.WaitAsync());
        await host.StopAsync(signals.Hurry);
        return (int)await host.Exited;
    }

    // A request needs a connection to the local server, at most.
    private static void WarnOfFewDescriptors(AgentOptions options, ILogger log)
    {
        long limit = DescriptorLimit.Lift();
        long needed = ((long)options.Links * options.Session.MaxStreams) + DescriptorLimit.Own;
        if (limit < needed)
        {
            AgentLog.FewDescriptors(log, limit, needed - DescriptorLimit.Own, needed);
        }
    }

    private TunnelGuard? ReadGuard(ParseResult arguments)
    {
        string[] allow = Networks(arguments.GetValue(_allow)!, "--allow");
        string[] deny = Networks(arguments.GetValue(_deny)!, "--deny");
        IReadOnlyList<string>? users = arguments.GetValue(_basicAuthFile) is { } file ? PasswordFile.Read(file) : null;
        return allow.Length + deny.Length > 0 || users is not null
            ? new TunnelGuard { Allow = allow, Deny = deny, Users = users, ForwardAuth = arguments.GetValue(_forwardAuth) ? true : null }
            : null;
    }

    private static string[] Networks(string[] values, string option)
    {
        if (Array.Find(values, value => !TunnelGuard.IsNetwork(value)) is { } bad)
        {
            throw new ArgumentException($"{option}: '{Printable.Of(bad)}' is not an address or a network like 10.0.0.0/8.");
        }

        return values.Length <= TunnelGuard.MostNetworks
            ? values
            : throw new ArgumentException($"{option} takes at most {TunnelGuard.MostNetworks} networks.");
    }

    private static void Warn(FoundToken? found, AgentOptions options, ILogger log)
    {
        if (found?.Warning is { } warning)
        {
            AgentLog.TokenIsOpen(log, warning);
        }

        if (found is not null && options.Token is null)
        {
            AgentLog.StoredTokenUnused(log, found.Token.Server);
        }

        if (options.Plaintext)
        {
            AgentLog.Plaintext(log);
        }
    }

    private AgentOptions Read(ParseResult arguments, FoundToken? found)
    {
        AgentOptions origin = _origin.Read(arguments, Defaults);
        if (arguments.GetValue(_port) is not { } port)
        {
            port = origin.LocalSocket is not null ? 0 : throw new ArgumentException("--port is missing: the port your local server listens on, like --port 8080.");
        }

        string server = arguments.GetValue(_server) ?? found?.Token.Server ?? $"localhost:{AgentOptions.DefaultServerPort}";
        if (!HostAndPort.TryParse(server, AgentOptions.DefaultServerPort, out string host, out int serverPort))
        {
            throw new ArgumentException($"--server: '{Printable.Of(server)}' is not HOST or HOST:PORT.");
        }

        // What login stored is for the server it names; what was given for this run is for this run's server.
        bool isForThisServer = found is not null
            && (!found.IsStored
                || (HostAndPort.TryParse(found.Token.Server, AgentOptions.DefaultServerPort, out string tokenHost, out _)
                    && tokenHost.Equals(host, StringComparison.OrdinalIgnoreCase)));
        return origin with
        {
            Token = isForThisServer ? found!.Token : null,
            Guard = ReadGuard(arguments),
            CaFile = arguments.GetValue(_ca),
            Plaintext = arguments.GetValue(_plaintext),
            Proxy = ProxySettings.For(host, serverPort, Environment.GetEnvironmentVariable),
            ServerHost = host,
            ServerPort = serverPort,
            Subdomain = arguments.GetValue(_subdomain),
            Hostname = arguments.GetValue(_hostname),
            Port = port,
            Protocol = arguments.GetValue(_protocol)!,
            RemotePort = arguments.GetValue(_remotePort),
            HostHeader = arguments.GetValue(_hostHeader) switch
            {
                // As other tunnels spell it.
                "rewrite" => "origin",
                var value => value!,
            },
            Via = arguments.GetValue(_via) == "on",
            WaitingPage = arguments.GetValue(_waitingPage),
            OriginAnswerTime = TimeSpan.FromSeconds(arguments.GetValue(_answerTime)),
            AnswerIdleTime = TimeSpan.FromSeconds(arguments.GetValue(_answerIdleTime)),
            Pool = arguments.GetValue(_pool),
            Links = arguments.GetValue(_links) ?? Defaults.Links,
            MemoryLimit = arguments.GetValue(_memoryLimit),
            StateFolder = arguments.GetValue(_stateFolder) ?? ProgramFolders.State("tunnel-agent"),
            Grace = TimeSpan.FromSeconds(arguments.GetValue(_grace)),
        };
    }
}

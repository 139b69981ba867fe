using System.CommandLine;
using Tunnel.Agent.Control;
using Tunnel.Agent.Identity;
using Tunnel.Agent.Local;
using Tunnel.Agent.Service;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;

namespace Tunnel.Agent;

/// <summary>The command line of <c>tunnel-agent</c> (docs/operating.md, "The agent").</summary>
internal sealed class AgentCommand
{
    private static readonly string[] Protocols = [TunnelTypes.Http, TunnelTypes.Tls, TunnelTypes.Tcp];

    private readonly RootCommand _command = new(
        "Puts a local web server on a public name of a tunnel-server: tunnel-agent --subdomain demo --port 8080");

    private readonly Argument<string[]> _target = new("ORIGIN")
    {
        Description = $"Your local server: {OriginAddress.Expected}. With http, tls or tcp in front of it, what the tunnel carries.",
        Arity = new ArgumentArity(0, 2),
    };

    private readonly OptionBinder<TunnelOptions> _tunnel;
    private readonly AgentProgram _agent;

    public AgentCommand()
    {
        _target.CompletionSources.Add(Protocols);
        _command.Arguments.Add(_target);
        _tunnel = new OptionBinder<TunnelOptions>(_command, AgentOptions.EnvironmentPrefix, TunnelOptions.Declarations);
        _agent = new AgentProgram(_command);
        var help = new HelpPage(_command);
        _ = new StartCommand(_command, help);
        _ = new DiagnoseCommand(_command, help);
        AgentFileCommand.AddTo(_command);
        ControlCommands.AddTo(_command);
        new ServiceCommand(_command, help, "tunnel-agent").AddInstall(AgentService.Extend, AgentService.Help);
        CompletionCommand.AddTo(_command, "tunnel-agent");
        new LoginCommand().AddTo(_command);
        help.Describe(_command, new HelpText
        {
            Usage = ["[http|tls|tcp] ORIGIN [options]", "--subdomain NAME --port N [options]"],
            DefaultOf = DefaultOf,
            Examples =
            [
                ("tunnel-agent 5173", "What listens on port 5173, on a name that the server chooses."),
                ("tunnel-agent --subdomain demo --port 8080", "Port 8080 as demo.<the server's domain>."),
                ("tunnel-agent tcp 5432", "A database on a public port."),
                ("tunnel-agent https://localhost:8443 --hostname www.example.org", "A local server that speaks HTTPS, on a name of your own."),
            ],
        });
    }

    /// <summary>Every option of the agent, in the order of its help.</summary>
    public static IEnumerable<OptionDeclaration> Declarations => [.. TunnelOptions.Declarations, .. AgentOptions.Declarations];

    public Task<int> RunAsync(string[] arguments) => ProgramRunner.RunAsync(_command, arguments, ServeAsync);

    /// <summary>The default of an option as a person writes it; null: there is none.</summary>
    internal static string? DefaultOf(OptionDeclaration declaration) => declaration switch
    {
        OptionDeclaration<TunnelOptions> tunnel => tunnel.TextIn(new TunnelOptions()),
        OptionDeclaration<AgentOptions> agent => agent.TextIn(new AgentOptions()),
        _ => null,
    };

    private Task<int> ServeAsync(ParseResult arguments)
    {
        var faults = new OptionFaults();
        TunnelOptions tunnel = _tunnel.Bind(arguments, new TunnelOptions(), faults);
        tunnel = WithTarget(tunnel, arguments.GetValue(_target) ?? [], faults, _command);
        AgentOptions agent = _agent.Bind(arguments, faults);
        faults.ThrowIfAny();
        tunnel = tunnel.Resolve(faults);
        faults.ThrowIfAny();
        return _agent.RunAsync(arguments, agent with { Tunnels = [tunnel] });
    }

    /// <summary>The tunnel with what stands without an option: <c>[http|tls|tcp] ORIGIN</c>.</summary>
    internal static TunnelOptions WithTarget(TunnelOptions tunnel, string[] target, OptionFaults faults, Command command)
    {
        string? protocol = target.FirstOrDefault(Protocols.Contains);
        string[] origins = [.. target.Where(text => !Protocols.Contains(text))];
        if (protocol is not null)
        {
            faults.Require(protocol == target[0], $"'{protocol}' stands in front of the local server: tunnel-agent {protocol} {Printable.Of(target[0])}.");
            faults.Require(
                tunnel.Protocol == protocol || tunnel.Protocol == TunnelTypes.Http, $"'{protocol}' says what the tunnel carries, and --protocol says {tunnel.Protocol}; give one of them.");
            tunnel = tunnel with { Protocol = protocol };
        }

        if (origins.Length > 1)
        {
            faults.Add($"'{Printable.Of(origins[1])}' is one thing too much: the local server is {Printable.Of(origins[0])}.{NearestWord.Hint(origins[0], Protocols)}");
        }
        else if (origins is [var origin])
        {
            faults.Require(tunnel.Origin.Address is null && tunnel.Origin.Port == 0, $"The local server is given twice: as {Printable.Of(origin)}, and with --port or --origin.");
            OriginAddress? address = OriginAddress.TryParse(origin);
            faults.Require(address is not null, $"'{Printable.Of(origin)}' is neither a command nor a local server: that is {OriginAddress.Expected}.{NearestWord.Hint(origin, command.Subcommands.Select(below => below.Name))}");
            tunnel = tunnel with { Origin = tunnel.Origin with { Address = address, Port = 0 } };
        }

        return tunnel;
    }
}

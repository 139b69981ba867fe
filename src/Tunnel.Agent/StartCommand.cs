using System.CommandLine;
using Tunnel.Agent.Tunnels;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;

namespace Tunnel.Agent;

/// <summary><c>tunnel-agent start NAME…|--all</c>: runs tunnels of the settings file, and follows it.</summary>
internal sealed class StartCommand
{
    private readonly Command _command = new("start", "Runs tunnels of the settings file, and follows it when saved.");
    private readonly Argument<string[]> _names = new("NAME") { Description = "Tunnels of the file.", Arity = ArgumentArity.ZeroOrMore };
    private readonly OptionBinder<StartOptions> _start;
    private readonly AgentProgram _agent;

    public StartCommand(Command root, HelpPage help)
    {
        _names.CompletionSources.Add(static _ => AgentFile.Read(AgentFile.UsualPath, new OptionFaults())?.Tunnels.Select(tunnel => tunnel.Name) ?? []);
        _command.Arguments.Add(_names);
        _start = new OptionBinder<StartOptions>(_command, AgentOptions.EnvironmentPrefix, StartOptions.Declarations);
        _agent = new AgentProgram(_command);
        ProgramRunner.Attach(_command, RunAsync);
        root.Subcommands.Add(_command);
        help.Describe(_command, new HelpText { Usage = ["NAME... [options]", "--all [options]"], DefaultOf = AgentCommand.DefaultOf });
    }

    private Task<int> RunAsync(ParseResult arguments)
    {
        var faults = new OptionFaults();
        StartOptions start = _start.Bind(arguments, new StartOptions(), faults);
        string[] names = arguments.GetValue(_names) ?? [];
        AgentFile? file = AgentFile.Read(start.File.Path, faults);
        if (file is null)
        {
            faults.Add("'tunnel-agent config example' prints a file to begin with, and 'tunnel-agent config path' where it is looked for.");
            faults.ThrowIfAny();
        }

        AgentOptions agent = _agent.Bind(arguments, faults, file!.AgentValues(faults));

        // Of one there is no question which.
        faults.Require(names.Length > 0 || start.All || file.Tunnels.Count <= 1, $"Which tunnels? Name them, or say --all. {file.Path} has: {file.Names}.");
        faults.Require(names.Length == 0 || !start.All, "--all means every tunnel of the file; leave the names out.");
        IReadOnlyList<TunnelOptions> tunnels = file.Select(names, faults);
        faults.ThrowIfAny();
        string key = $"{Path.GetFullPath(file.Path)}/{string.Join(',', names.Order(StringComparer.Ordinal))}";
        return _agent.RunAsync(
            arguments, agent with { Tunnels = tunnels, InstanceKey = key }, (host, log) => new FileFollower(file, names, host.Change, log));
    }

    private sealed record StartOptions
    {
        public bool All { get; init; }

        public AgentFileOptions File { get; init; } = new();

        public static IReadOnlyList<OptionDeclaration<StartOptions>> Declarations { get; } =
        [
            Declare<StartOptions>.Switch("all", "Every tunnel of the file.", o => o.All, (o, v) => o with { All = v }) with { IsCommon = true },
            .. AgentFileOptions.Declarations.Select(declaration => declaration.Within<StartOptions>(o => o.File, (o, v) => o with { File = v }) with { IsCommon = true }),
        ];
    }
}

using System.CommandLine;
using System.Text;
using Tunnel.Agent.Diagnose;
using Tunnel.Agent.Identity;
using Tunnel.Agent.Tunnels;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Agent;

/// <summary><c>tunnel-agent diagnose</c>: why does it not work (docs/troubleshooting.md)?</summary>
internal sealed class DiagnoseCommand
{
    private readonly Command _command = new("diagnose", "Tries each step from here to the public name and back, and says what is wrong and what to do.");
    private readonly Argument<string[]> _target = new("ORIGIN|NAME")
    {
        Description = "Your local server, as for tunnel-agent itself; or tunnels of the settings file.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly OptionBinder<DiagnoseOptions> _diagnose;
    private readonly OptionBinder<TunnelOptions> _tunnel;
    private readonly AgentProgram _agent;

    public DiagnoseCommand(Command root, HelpPage help)
    {
        _command.Arguments.Add(_target);
        _diagnose = new OptionBinder<DiagnoseOptions>(_command, AgentOptions.EnvironmentPrefix, DiagnoseOptions.Declarations);
        _tunnel = new OptionBinder<TunnelOptions>(_command, AgentOptions.EnvironmentPrefix, TunnelOptions.Declarations);
        _agent = new AgentProgram(_command);
        ProgramRunner.Attach(_command, RunAsync);
        root.Subcommands.Add(_command);
        help.Describe(_command, new HelpText
        {
            Usage = ["[options]", "[http|tls|tcp] ORIGIN [options]", "--config FILE [NAME...] [options]"],
            DefaultOf = AgentCommand.DefaultOf,
            Examples =
            [
                ("tunnel-agent diagnose --subdomain demo --port 8080", "The way that this tunnel goes; nothing is taken from an agent that runs."),
                ("tunnel-agent diagnose --config tunnel.yaml --bundle report.txt", "Every tunnel of the file, and a report for whoever can help, without secrets."),
            ],
        });
    }

    private async Task<int> RunAsync(ParseResult arguments)
    {
        var faults = new OptionFaults();
        DiagnoseOptions diagnose = _diagnose.Bind(arguments, new DiagnoseOptions(), faults);
        string[] target = arguments.GetValue(_target) ?? [];
        TunnelOptions tunnel = _tunnel.Bind(arguments, new TunnelOptions(), faults);
        (AgentOptions given, AgentFile? file) = diagnose.File is { } path
            ? OfFile(path, target, arguments, faults)
            : (_agent.Bind(arguments, faults) with { Tunnels = OfArguments(tunnel, target, faults) }, null);
        faults.Require(file is null || tunnel == new TunnelOptions(), "--config says what the tunnels are; leave the options of a tunnel out.");
        faults.ThrowIfAny();
        (AgentOptions options, FoundToken? token) = _agent.Resolve(arguments, given);
        return await RunAsync(new DiagnosisRequest(options, token, file?.Path) { IsIdleAsked = diagnose.Idle }, diagnose);
    }

    private (AgentOptions Options, AgentFile? File) OfFile(string path, string[] names, ParseResult arguments, OptionFaults faults)
    {
        AgentFile? file = AgentFile.Read(path, faults);
        faults.ThrowIfAny();
        AgentOptions agent = _agent.Bind(arguments, faults, file!.AgentValues(faults));
        return (agent with { Tunnels = file.Select(names, faults) }, file);
    }

    // Without any word about a tunnel the way to the server can be looked at all the same.
    private IReadOnlyList<TunnelOptions> OfArguments(TunnelOptions tunnel, string[] target, OptionFaults faults)
    {
        if (tunnel == new TunnelOptions() && target.Length == 0)
        {
            return [];
        }

        tunnel = AgentCommand.WithTarget(tunnel, target, faults, _command);
        faults.ThrowIfAny();
        return [tunnel.Resolve(faults)];
    }

    private static async Task<int> RunAsync(DiagnosisRequest request, DiagnoseOptions options)
    {
        using var signals = new StopSignals();
        signals.LimitStop(TimeSpan.Zero);
        var log = new RecentLines(TimeProvider.System);
        var diagnosis = new Diagnosis(request, step => options.Json ? Task.CompletedTask : StandardLines.OutAsync(DiagnosisPage.Of(step)), log, TimeProvider.System);
        bool isWell = false;
        if (options.Idle)
        {
            await StandardLines.ErrorAsync("Quiet connections are looked at last, which takes about a minute.");
        }

        try
        {
            isWell = await diagnosis.RunAsync(signals.Stop);
        }
        catch (OperationCanceledException) when (signals.Stop.IsCancellationRequested)
        {
            await StandardLines.ErrorAsync("Stopped before the end.");
        }

        await StandardLines.OutAsync(options.Json ? DiagnosisPage.Json(request.Options.Link.Server, diagnosis.Steps) : $"\n{DiagnosisPage.Summary(diagnosis.Steps)}");
        if (options.Bundle is { } path)
        {
            OwnerOnlyFile.Write(path, Encoding.UTF8.GetBytes(DiagnosisBundle.Of(request, diagnosis.Steps, log.Lines)));
            await StandardLines.ErrorAsync($"{path} has the report. Read it before you send it: it names servers, tunnels and files, and holds no secret.");
        }

        return isWell ? ExitCodes.Stopped : ExitCodes.Failed;
    }

    private sealed record DiagnoseOptions
    {
        public string? File { get; init; }

        public bool Json { get; init; }

        public bool Idle { get; init; }

        public string? Bundle { get; init; }

        public static IReadOnlyList<OptionDeclaration<DiagnoseOptions>> Declarations { get; } =
        [
            Declare<DiagnoseOptions>.Path("config", "FILE", "Look at the tunnels of this settings file.", o => o.File, (o, v) => o with { File = v }) with { IsCommon = true },
            Declare<DiagnoseOptions>.Switch("json", "Write JSON, for programs.", o => o.Json, (o, v) => o with { Json = v }) with { IsCommon = true },
            Declare<DiagnoseOptions>.Switch(
                "idle", "Also find out whether something on the way cuts connections that are quiet. It takes a minute.", o => o.Idle, (o, v) => o with { Idle = v }) with { IsCommon = true },
            Declare<DiagnoseOptions>.Path(
                "bundle", "FILE", "Write a report for a bug report to this file: versions, options without secrets, steps, log.", o => o.Bundle, (o, v) => o with { Bundle = v }) with { IsCommon = true },
        ];
    }
}

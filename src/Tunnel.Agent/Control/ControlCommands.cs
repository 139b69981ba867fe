using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using Tunnel.Hosting;
using Tunnel.Hosting.Control;
using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Options;

namespace Tunnel.Agent.Control;

/// <summary><c>tunnel-agent status | reload [NAME|PID] | stop NAME|PID</c>: the running agents of this user.</summary>
internal static class ControlCommands
{
    private const string Meant = "A tunnel that it serves, or its process.";

    public static void AddTo(Command root)
    {
        var status = new Command("status", "Shows the agents of this user that run, and their tunnels.");
        var options = new OptionBinder<StatusOptions>(status, AgentOptions.EnvironmentPrefix, StatusOptions.Declarations);
        ProgramRunner.Attach(status, parsed => ShowAsync(options.Bind(parsed, new StatusOptions(), new OptionFaults())));

        var reload = new Command("reload", "Makes running agents read their settings file now.");
        var some = new Argument<string?>("NAME|PID") { Description = $"{Meant} Left out: all.", Arity = ArgumentArity.ZeroOrOne };
        reload.Arguments.Add(some);
        some.CompletionSources.Add(static _ => TunnelNames());
        ProgramRunner.Attach(reload, parsed => RunningAgents.SteerAsync(parsed.GetValue(some), AgentControl.Reload, TellReloadedAsync));

        var stop = new Command("stop", "Stops a running agent; its running requests may finish.");
        var one = new Argument<string>("NAME|PID") { Description = Meant };
        stop.Arguments.Add(one);
        one.CompletionSources.Add(static _ => TunnelNames());
        ProgramRunner.Attach(stop, parsed => RunningAgents.SteerAsync(parsed.GetValue(one)!, AgentControl.Stop, TellStoppingAsync));

        root.Subcommands.Add(status);
        root.Subcommands.Add(reload);
        root.Subcommands.Add(stop);
    }

    [SuppressMessage("Usage", "VSTHRD002", Justification = "Completion asks for words at once, and the process does nothing else.")]
    private static IEnumerable<string> TunnelNames() =>
        Task.Run(RunningAgents.FindAsync).GetAwaiter().GetResult().SelectMany(agent => agent.Report.Tunnels).Select(tunnel => tunnel.Label).Where(name => name.Length > 0);

    private static async Task<int> ShowAsync(StatusOptions options)
    {
        AgentReport[] reports = [.. (await RunningAgents.FindAsync()).Select(agent => agent.Report)];
        if (options.IsJson)
        {
            await StandardLines.OutAsync(JsonSerializer.Serialize(reports, AgentJson.Default.IReadOnlyListAgentReport));
        }
        else
        {
            await StandardLines.OutAsync(reports.Length == 0 ? "No agent of this user runs." : string.Join('\n', reports.SelectMany(LinesOf)));
        }

        return ExitCodes.Stopped;
    }

    private static IEnumerable<string> LinesOf(AgentReport report)
    {
        yield return report.Since is { } since
            ? $"Agent {report.Pid}, since {since.ToLocalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)}, {Printable.Of(report.Server)}: {Stands(report.State, report.Reason)}"
            : ProgramErrors.ControlNoAnswer.Mark($"Agent {report.Pid} does not answer");
        foreach (TunnelReport tunnel in report.Tunnels)
        {
            string name = tunnel.Name.Length > 0 ? $"{Printable.Of(tunnel.Name)}: " : "";
            string url = tunnel.Url.Length > 0 ? $"{Printable.Of(tunnel.Url)} -> " : "";
            yield return $"  {name}{url}{Printable.Of(tunnel.Origin)}, {Stands(tunnel.State, tunnel.Reason)}";
        }
    }

    private static string Stands(string state, string reason) => reason.Length > 0 ? $"{Printable.Of(state)}: {Printable.Of(reason)}" : Printable.Of(state);

    private static async Task<int> TellReloadedAsync(RunningAgent agent, ControlAnswer answer)
    {
        ReloadReport report = answer.Result?.Deserialize(AgentJson.Default.ReloadReport) ?? new ReloadReport([], IsTaken: true);
        if (report.IsTaken)
        {
            await StandardLines.OutAsync(string.Join('\n', [$"Agent {agent.Report.Pid} has read its file{(report.Lines.Count == 0 ? "; nothing has changed" : ":")}", .. report.Lines.Select(line => $"  {Printable.Of(line)}")]));
            return ExitCodes.Stopped;
        }

        foreach (string fault in report.Lines)
        {
            await StandardLines.ErrorAsync(ProgramErrors.SettingsWrong, $"Agent {agent.Report.Pid} goes on with what it had: {Printable.Of(fault)}");
        }

        return ExitCodes.Failed;
    }

    private static async Task<int> TellStoppingAsync(RunningAgent agent, ControlAnswer answer)
    {
        await StandardLines.OutAsync($"Agent {agent.Report.Pid} stops when its running requests are done; once more stops it at once.");
        return ExitCodes.Stopped;
    }

    private sealed record StatusOptions
    {
        public bool IsJson { get; init; }

        public static IReadOnlyList<OptionDeclaration<StatusOptions>> Declarations { get; } =
            [Declare<StatusOptions>.Switch("json", "Print it as JSON, for programs.", o => o.IsJson, (o, v) => o with { IsJson = v })];
    }
}

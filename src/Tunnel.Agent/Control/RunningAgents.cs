using System.Text.Json;
using Tunnel.Hosting;
using Tunnel.Hosting.Control;
using Tunnel.Hosting.Errors;

namespace Tunnel.Agent.Control;

/// <summary>A running agent of this user.</summary>
internal sealed record RunningAgent(AgentReport Report, string Socket)
{
    /// <returns>Null: it does not answer.</returns>
    public async Task<ControlAnswer?> AskAsync(string command) =>
        (await ControlClient.AskAsync(Report.Pid, Socket, new ControlRequest(command), TimeProvider.System))?.Answer;
}

/// <summary>The running agents of this user, as their control sockets tell.</summary>
internal static class RunningAgents
{
    public static async Task<IReadOnlyList<RunningAgent>> FindAsync() =>
    [
        .. (await ControlClient.AskAllAsync(ControlFolder.All("tunnel-agent"), new ControlRequest(AgentControl.Status), TimeProvider.System))
            .Select(program => new RunningAgent(Read(program.Answer) ?? AgentReport.Silent(program.Pid), program.Socket)),
    ];

    /// <summary>Asks the ones that are meant, and tells what is wrong with them.</summary>
    /// <param name="word">A process or a tunnel; null: all that run.</param>
    /// <param name="tell">Prints an answer; returns the exit code.</param>
    public static async Task<int> SteerAsync(string? word, string command, Func<RunningAgent, ControlAnswer, Task<int>> tell)
    {
        RunningAgent[] meant = [.. (await FindAsync()).Where(agent => word is null || agent.Report.IsMeantBy(word))];
        if (meant.Length == 0)
        {
            await StandardLines.ErrorAsync(AgentErrors.AgentNotRunning, word is null ? "No agent of this user runs." : $"No agent of this user serves '{Printable.Of(word)}', nor is it the process of one.");
            return ExitCodes.Failed;
        }

        if (word is not null && meant.Length > 1)
        {
            throw new ArgumentException($"Several agents serve '{Printable.Of(word)}'. Name the process of one: {string.Join(", ", meant.Select(agent => agent.Report.Pid))}.");
        }

        int worst = ExitCodes.Stopped;
        foreach (RunningAgent agent in meant)
        {
            worst = Math.Max(worst, await agent.AskAsync(command) switch
            {
                null => await FailAsync(ProgramErrors.ControlNoAnswer.Mark($"Agent {agent.Report.Pid} does not answer.")),
                { Code: { } code } fault => await FailAsync($"Agent {agent.Report.Pid}: {Printable.Of(fault.Message ?? "")} [{Printable.Of(code)}]"),
                { } answer => await tell(agent, answer),
            });
        }

        return worst;
    }

    private static async Task<int> FailAsync(string line)
    {
        await StandardLines.ErrorAsync(line);
        return ExitCodes.Failed;
    }

    private static AgentReport? Read(ControlAnswer? answer)
    {
        try
        {
            return answer?.Result?.Deserialize(AgentJson.Default.AgentReport);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

using System.Diagnostics;
using System.Text.Json;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Programs;

/// <summary>The commands that ask agents which run as programs of their own.</summary>
public sealed class RunningAgentTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [ProgramFact("env", "setsid", "kill")]
    public async Task Agents_OfTheUser_AreShownReloadedAndStopped()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(_ => Task.CompletedTask, new PairOptions { HasAgent = false });
        string file = _folder.File("tunnel.yaml");
        await File.WriteAllTextAsync(file, "tunnels: { web: { port: 1, subdomain: demo } }");
        await using ProgramRun following = Run(["start", "--all", "--config", file, .. Server(pair)]);
        await using ProgramRun fixedOne = Run(["2", "-s", "other", .. Server(pair)]);
        (await following.Output.ReadLineAsync().Within()).Should().StartWith("Forwarding http://demo.localhost");
        (await fixedOne.Output.ReadLineAsync().Within()).Should().StartWith("Forwarding http://other.localhost");

        JsonElement[] agents = [.. JsonDocument.Parse((await AskAsync("status", "--json")).Output).RootElement.EnumerateArray()];
        agents.Should().HaveCount(2).And.OnlyContain(agent => agent.GetProperty("state").GetString() == "connected");
        JsonElement web = agents.Single(agent => agent.TryGetProperty("config", out JsonElement config) && config.GetString() == file);
        web.GetProperty("tunnels")[0].GetProperty("state").GetString().Should().Be("online");
        int pid = web.GetProperty("pid").GetInt32();
        (await AskAsync("status")).Output.Should().Contain($"Agent {pid}, since ").And.Contain("  web: http://demo.localhost").And.Contain(", online");

        await File.WriteAllTextAsync(file, "tunnels: { web: { port: 1, subdomain: demo }, api: { port: 3, subdomain: api } }");
        // It may have seen by itself that the file was saved.
        (await AskAsync("reload", "web")).Should().Match<(int Code, string Output, string Error)>(end => end.Code == 0 && end.Output.StartsWith($"Agent {pid} has read its file"));
        (await following.Output.ReadLineAsync().Within()).Should().StartWith("Forwarding http://api.localhost");

        await File.WriteAllTextAsync(file, "tunnels: { web: { prot: 1 } }");
        (int code, _, string error) = await AskAsync("reload", $"{pid}");
        code.Should().Be(1);
        error.Should().Contain($"Agent {pid} goes on with what it had: ").And.Contain("prot").And.Contain("[settings-wrong]");
        (await AskAsync("reload", "other")).Error.Should().Contain("[nothing-to-reload]");

        // A service has no terminal.
        await File.WriteAllTextAsync(file, "tunnels: { web: { port: 1, subdomain: demo }, docs: { port: 3, subdomain: docs } }");
        await ProgramRun.RunAsync(_folder.Path, "kill", "-HUP", $"{pid}");
        (await following.Output.ReadLineAsync().Within()).Should().StartWith("Forwarding http://docs.localhost");

        (await AskAsync("stop", "nobody")).Should().Match<(int Code, string Output, string Error)>(end => end.Code == 1 && end.Error.Contains("[agent-not-running]"));
        (await AskAsync("stop", "demo")).Code.Should().Be(0);
        (await AskAsync("stop", "other.localhost")).Code.Should().Be(0);
        (await following.Output.ReadToEndAsync().Within()).Should().BeEmpty();
        (await fixedOne.Output.ReadToEndAsync().Within()).Should().BeEmpty();
        await Eventually.TrueAsync(async () => (await AskAsync("status")).Output == "No agent of this user runs.\n");
    }

    private static string[] Server(TunnelPair pair) => ["--server", $"127.0.0.1:{pair.Server.AgentPort}", "--plaintext"];

    private ProgramRun Run(string[] arguments) =>
        ProgramRun.Start(_folder.Path, "setsid", ["env", $"RUNTIME_DIRECTORY={_folder.File("run")}", $"TUNNEL_AGENT_STATE_DIR={_folder.File("state")}", Environment.ProcessPath!, Program, .. arguments]);

    private static string Program => Path.Combine(AppContext.BaseDirectory, "tunnel-agent.dll");

    private async Task<(int Code, string Output, string Error)> AskAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [Program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["RUNTIME_DIRECTORY"] = _folder.File("run");
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync().Within();
        await process.WaitForExitAsync().Within();
        return (process.ExitCode, output, await error);
    }
}

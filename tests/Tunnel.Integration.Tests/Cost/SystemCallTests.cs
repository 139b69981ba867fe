using System.Text.RegularExpressions;
using Tunnel.TestSupport;
using Xunit.Abstractions;

namespace Tunnel.Integration.Tests.Cost;

/// <summary>
/// The system calls of a small request on kept connections, at both programs (docs/architecture.md, "The life of a stream"): one
/// send and one receive on each of their two connections, and a wait for each receive.
/// </summary>
[Collection(nameof(RequestCostTests))]
public sealed partial class SystemCallTests(ITestOutputHelper output)
{
    private const int Requests = 500;

    // What timers, ACKs and the runtime do comes on top now and then.
    private const double PerKind = 2.2;
    private const double Futexes = 2;
    private const double InAll = 10;

    [ProgramFact("strace")]
    public async Task SmallRequest_OnKeptConnections_SendsAndReceivesTwiceAtEachProgram()
    {
        using var place = new TemporaryFolder();
        using var origin = new BlockingOrigin();
        await using TracedProgram server = TracedProgram.Start(
            place.Path, "tunnel-server", "--http-port", "0", "--agent-port", "0", "--bind", "127.0.0.1", "--state-dir", place.Folder("server"));
        Match ports = await FindAsync(server.Output, Ready());
        await using TracedProgram agent = TracedProgram.Start(
            place.Path, "tunnel-agent", "--server", $"127.0.0.1:{ports.Groups[2].Value}", "--subdomain", "demo", "--port", $"{origin.Port}",
            "--state-dir", place.Folder("agent"));
        using var visitor = new BlockingVisitor(int.Parse(ports.Groups[1].ValueSpan, null));

        await AssertFewAsync("server", server, visitor);
        await AssertFewAsync("agent", agent, visitor);
    }

    // The least of some rounds, of each kind and in all: code that is compiled meanwhile makes calls of its own.
    private async Task AssertFewAsync(string name, TracedProgram program, BlockingVisitor visitor)
    {
        string[] kinds = ["sendto", "recvfrom", "epoll_wait", "futex", "in all"];
        double[] least = [.. kinds.Select(static _ => double.MaxValue)];
        for (int round = 0; round < 5; round++)
        {
            Dictionary<string, int> calls = await program.CountAsync(() => Ask(visitor));
            calls["in all"] = calls.Values.Sum();
            least = [.. kinds.Select((kind, i) => Math.Min(least[i], (double)calls.GetValueOrDefault(kind) / Requests))];
        }

        output.WriteLine($"{name}: {string.Join(", ", kinds.Select((kind, i) => $"{kind} {least[i]:0.00}"))}");
        double[] most = [PerKind, PerKind, PerKind, Futexes, InAll];
        for (int i = 0; i < kinds.Length; i++)
        {
            least[i].Should().BeLessThan(most[i], "{0} calls {1} for a request", name, kinds[i]);
        }

        least[0].Should().BeGreaterThanOrEqualTo(2, "otherwise nothing was counted");
    }

    private static void Ask(BlockingVisitor visitor)
    {
        for (int i = 0; i < Requests; i++)
        {
            visitor.Ask();
        }
    }

    private static async Task<Match> FindAsync(StreamReader lines, Regex wanted)
    {
        while (await lines.ReadLineAsync().Within() is { } line)
        {
            if (wanted.Match(line) is { Success: true } match)
            {
                return match;
            }
        }

        throw new EndOfStreamException("The program ended.");
    }

    [GeneratedRegex(@"^Ready: \S+:(\d+) for visitors, port (\d+) for agents")]
    private static partial Regex Ready();
}

using Tunnel.Framing.Frames;
using Tunnel.Integration.Tests.Pair;
using Tunnel.Server;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Agents;

/// <summary>A server takes over from another one, and visitors do not notice.</summary>
public sealed class UpgradeTests
{
    [LinuxFact]
    public async Task Server_OnASharedPort_IsReplacedWithoutAFailedRequest()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin((_, body) => Talk.Ok($"{body.Length} bytes")),
            new PairOptions { Server = options => options with { Listen = options.Listen with { SharesPorts = true } } });
        using var over = new CancellationTokenSource();
        Task<int>[] visitors = [.. Enumerable.Range(0, 8).Select(_ => VisitAsync(pair, over.Token))];
        ServerHost old = pair.Server;
        pair.StartServerAgain();
        await old.StopAsync().Within();
        await pair.Forwarding.Times.WhenAsync(2);
        await over.CancelAsync();
        int[] answers = await Task.WhenAll(visitors).Within();
        answers.Sum().Should().BePositive();
        old.Counts.Should().Be((0, 0, 0));
    }

    [Fact]
    public async Task Server_OnATakenPort_IsTheErrorItShouldBe()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")));
        Action second = pair.StartServerAgain;
        second.Should().Throw<Tunnel.Transport.Sockets.BindException>();
    }

    [Fact]
    public async Task Agent_ThatFindsAServerLeaving_IsToldWhenToComeBack()
    {
        var go = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await go.WhenAsync(1);
            await connection.WriteAsync(Talk.Ok("finished"));
            await connection.ReadToEndAsync();
        });
        Task<Answer> running = pair.GetAsync();
        await pair.Origin.Accepted.WhenAsync(1);
        Task stopping = pair.Server.StopAsync();
        await Eventually.TrueAsync(() => pair.Log.Any(line => line.Contains("leaves (shutdown)", StringComparison.Ordinal)));
        await using (OddAgent late = await OddAgent.DialAsync(pair.Server.AgentPort))
        {
            await late.HelloAsync($$"""{"version":1,"instance":"{{OddAgent.Instance}}"}""");
            string reject = (await late.Peer.ExpectAsync(FrameKind.Reject)).Text;
            reject.Should().Contain("\"draining\"").And.Contain("\"retry\":true").And.Contain("\"retryAfter\":1000");
        }

        go.Add();
        await running.Within();
        await stopping.Within();
        pair.StartServerAgain();
        await pair.Forwarding.Times.WhenAsync(2);
    }

    [Fact]
    public async Task Agent_WhoseServerLeaves_FinishesThereWhatRuns()
    {
        var go = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await go.WhenAsync(1);
            await connection.WriteAsync(Talk.Ok("finished"));
            await connection.ReadToEndAsync();
        });
        Task<Answer> running = pair.GetAsync();
        await pair.Origin.Accepted.WhenAsync(1);
        Task stopping = pair.Server.StopAsync();
        await Eventually.TrueAsync(
            () => pair.Log.Any(line => line.StartsWith("Information: ", StringComparison.Ordinal) && line.Contains("The server is stopping", StringComparison.Ordinal)),
            what: "the agent has asked for its next session, and knows why there is none");
        go.Add();
        (await running.Within()).Text.Should().Be("finished");
        await stopping.Within();
        pair.StartServerAgain();
        await pair.Forwarding.Times.WhenAsync(2);
    }

    // Each request on a connection of its own; every one has to be answered.
    private static async Task<int> VisitAsync(TunnelPair pair, CancellationToken over)
    {
        int answers = 0;
        for (; !over.IsCancellationRequested; answers++)
        {
            string body = new('b', 100 + answers);
            Answer answer = await pair.AskAsync(
                $"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nConnection: close\r\nContent-Length: {body.Length}\r\n\r\n{body}");
            answer.Text.Should().Be($"{body.Length} bytes");
        }

        return answers;
    }
}

using Tunnel.Agent;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Agents;

/// <summary>Visitors whose requests wait for an agent: they may leave, and they may be many.</summary>
public sealed class WaitingVisitorTests
{
    private static readonly PairOptions NoAgent = new() { HasAgent = false };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Visitor_ThatLeavesWhileItWaits_CostsNothingAfterwards(bool isReset)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head.Split(' ')[1])), NoAgent);
        ScriptedConnection leaves = await pair.VisitAsync();
        await leaves.WriteAsync($"GET /left HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n");
        Task<Answer> stays = pair.GetAsync("/stays");
        await Eventually.TrueAsync(() => pair.Server.Held == 2);
        if (isReset)
        {
            leaves.Reset();
        }
        else
        {
            leaves.Close();
        }

        await Eventually.TrueAsync(() => pair.Server.Held == 1);
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding);
        (await stays).Text.Should().Be("/stays");
        pair.Origin.Accepted.Count.Should().Be(1, "nobody asked for what nobody waits for");
    }

    [Fact]
    public async Task Bodies_OfRequestsThatWait_GoThroughWhole()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((_, body) => Talk.Ok($"{body.Length}")), NoAgent);
        Task<Answer>[] waiting =
        [
            .. Enumerable.Range(1, 100).Select(i => pair.AskAsync(
                $"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: {i * 1000}\r\n\r\n{new string('b', i * 1000)}")),
        ];
        await Eventually.TrueAsync(() => pair.Server.Held == 100);
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding);
        Answer[] answers = await Task.WhenAll(waiting).Within();
        answers.Select(answer => answer.Text).Should().Equal(Enumerable.Range(1, 100).Select(i => $"{i * 1000}"));
    }

    [Fact]
    public async Task Name_ThatFillsTheRoomToWait_KeepsNoOtherNameOut()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin(Talk.Ok("x")), NoAgent with { Server = options => options with { Waiting = options.Waiting with { MaxHeld = 3 } } });
        List<Task<Answer>> many = [];
        for (int i = 1; i <= 3; i++)
        {
            many.Add(pair.AskAsync("GET / HTTP/1.1\r\nHost: other.localhost\r\n\r\n"));
            await Eventually.TrueAsync(() => pair.Server.Held == i);
        }

        Task<Answer> one = pair.GetAsync();
        Answer ousted = await many[2].Within();
        await using AgentHost agent = pair.StartAgent(new ForwardingSignal());

        (await one.Within()).Text.Should().Be("x");
        (ousted.Status, ousted["Tunnel-Error"]).Should().Be((503, "too-busy"));
        ousted["Retry-After"].Should().NotBeNull();
        pair.Server.Held.Should().Be(2, "who came first at the other name waits on");
    }

    [Fact]
    public async Task Visitor_ThatNobodyServesInTime_IsToldWhenToTryAgain()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions { IsTimeFake = true });
        await pair.Agent.StopAsync().Within();
        Task<Answer> waiting = pair.GetAsync();
        await Eventually.TrueAsync(() => pair.Server.Held == 1);
        pair.Time.Advance(TimeSpan.FromSeconds(19));
        waiting.IsCompleted.Should().BeFalse();
        await pair.AdvanceUntilAsync(waiting);
        Answer answer = await waiting;
        (answer.Status, answer["Tunnel-Error"]).Should().Be((503, "agent-offline"));
        answer["Retry-After"].Should().NotBeNull();
    }
}

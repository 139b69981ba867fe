using Tunnel.Framing.Frames;
using Tunnel.Integration.Tests.Agents;
using Tunnel.Integration.Tests.Pair;
using Tunnel.Server.Forwarding;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Failure;

/// <summary>A session with little room, and visitors of several addresses who want it.</summary>
public sealed class FullSessionTests
{
    private const int Room = 4;

    [Fact]
    public async Task Address_ThatFillsASession_GivesPlacesToOthersAndKeepsAsMany()
    {
        await using TunnelPair pair = await StartAsync();
        await using OddAgent agent = await OddAgent.ConnectAsync(pair.Server.AgentPort, "odd");
        var running = new Dictionary<uint, Task<Answer>>();
        for (int i = 0; i < Room; i++)
        {
            Task<Answer> asking = AskAsync(pair, "10.0.0.1");
            running[await agent.NextRequestAsync()] = asking;
        }

        Task<Answer> more = AskAsync(pair, "10.0.0.1");
        await Eventually.TrueAsync(() => pair.Server.Held == 1);
        var others = new List<Task<Answer>>();
        foreach (string address in (string[])["10.0.0.3", "10.0.0.3", "10.0.0.2"])
        {
            others.Add(AskAsync(pair, address));
            await Eventually.TrueAsync(() => pair.Server.Held == others.Count + 1);
        }

        pair.Time.Advance(TimeSpan.FromSeconds(1));
        pair.Time.Advance(TimeSpan.FromSeconds(1));
        uint[] given = [await NextResetAsync(agent), await NextResetAsync(agent)];
        given.Should().BeEquivalentTo(running.Keys.Order().TakeLast(2), "the newest give way, until both have as many");
        foreach (uint id in given)
        {
            Answer refused = await running[id].Within();
            (refused.Status, refused["Tunnel-Error"]).Should().Be((503, "too-busy"));
            await agent.Peer.SendResetAsync(id, (ushort)ResetCode.TooBusy);
        }

        // Whoever goes first has the places of these, and whoever waits behind them the places that they leave: two at once, so
        // that the last two come in any order.
        var next = new Queue<(uint Id, string Head)>();
        var heads = new List<string>();
        for (int i = 0; i < 4; i++)
        {
            (uint id, string head) = await NextAsync(pair, agent, next);
            heads.Add(head);
            await agent.AnswerAsync(id, Talk.Ok("served"));
        }

        heads.Take(2).Should().NotContain(head => head.Contains("10.0.0.1", StringComparison.Ordinal));
        heads.Should().ContainSingle(head => head.Contains("10.0.0.1", StringComparison.Ordinal));

        foreach (Task<Answer> asking in others.Append(more))
        {
            (await asking.Within()).Text.Should().Be("served");
        }

        foreach (uint id in running.Keys.Except(given))
        {
            running[id].IsCompleted.Should().BeFalse();
            await agent.AnswerAsync(id, Talk.Ok("in the end"));
            (await running[id].Within()).Text.Should().Be("in the end");
        }
    }

    [Fact]
    public async Task LastPlaces_OfASession_AreForAddressesThatHaveFew()
    {
        await using TunnelPair pair = await StartAsync(room: 32);
        await using OddAgent agent = await OddAgent.ConnectAsync(pair.Server.AgentPort, "odd");
        var running = new List<(uint Id, Task<Answer> Asking)>();
        for (int i = 0; i < 30; i++)
        {
            Task<Answer> asking = AskAsync(pair, "10.0.0.1");
            running.Add((await agent.NextRequestAsync(), asking));
        }

        Task<Answer> more = AskAsync(pair, "10.0.0.1");
        await Eventually.TrueAsync(() => pair.Server.Held == 1);
        Task<Answer> other = AskAsync(pair, "10.0.0.2");
        uint id = await agent.NextRequestAsync().Within();
        agent.LastHead.Should().Contain("10.0.0.2", "no time has passed, and nobody gave way");
        await agent.AnswerAsync(id, Talk.Ok("at once"));
        (await other.Within()).Text.Should().Be("at once");
        pair.Server.Held.Should().Be(1, "whoever fills it waits for a place of its own");
        await agent.AnswerAsync(running[0].Id, Talk.Ok("done"));
        running.Add((await agent.NextRequestAsync().Within(), more));
        foreach ((uint each, Task<Answer> asking) in running)
        {
            if (each != running[0].Id)
            {
                await agent.AnswerAsync(each, Talk.Ok("done"));
            }

            (await asking.Within()).Text.Should().Be("done");
        }
    }

    [Fact]
    public async Task Place_ThatComesFreeByItself_IsForWhoeverHasFewest()
    {
        await using TunnelPair pair = await StartAsync();
        await using OddAgent agent = await OddAgent.ConnectAsync(pair.Server.AgentPort, "odd");
        var running = new List<(uint Id, Task<Answer> Asking)>();
        for (int i = 0; i < Room; i++)
        {
            Task<Answer> asking = AskAsync(pair, "10.0.0.1");
            running.Add((await agent.NextRequestAsync(), asking));
        }

        Task<Answer> more = AskAsync(pair, "10.0.0.1");
        await Eventually.TrueAsync(() => pair.Server.Held == 1);
        Task<Answer> other = AskAsync(pair, "10.0.0.2");
        await Eventually.TrueAsync(() => pair.Server.Held == 2);
        await agent.AnswerAsync(running[0].Id, Talk.Ok("done"));
        uint id = await agent.NextRequestAsync().Within();
        agent.LastHead.Should().Contain("10.0.0.2");
        await agent.AnswerAsync(id, Talk.Ok("first"));
        (await other.Within()).Text.Should().Be("first");
        running.Add((await agent.NextRequestAsync().Within(), more));
        foreach ((uint each, Task<Answer> asking) in running)
        {
            if (!asking.IsCompleted)
            {
                await agent.AnswerAsync(each, Talk.Ok("done"));
            }

            (await asking.Within()).Status.Should().Be(200, "nobody had to give way");
        }
    }

    [Fact]
    public async Task Visitor_ThatSendsNothingMore_GivesWayFirst()
    {
        await using TunnelPair pair = await StartAsync();
        await using OddAgent agent = await OddAgent.ConnectAsync(pair.Server.AgentPort, "odd");
        var visitors = new List<ScriptedConnection>();
        var ids = new List<uint>();
        for (int i = 0; i < Room; i++)
        {
            visitors.Add(await pair.VisitAsync());
            await visitors[i].WriteAsync(Request($"10.0.0.{i}"));
            ids.Add(await agent.NextRequestAsync());
        }

        visitors[1].EndSending();
        Task<Answer> late = AskAsync(pair, "10.0.0.9");
        await Eventually.TrueAsync(() => pair.Server.Held == 1);
        pair.Time.Advance(TimeSpan.FromSeconds(1));
        pair.Time.Advance(TimeSpan.FromSeconds(1));
        (await visitors[1].ReadAnswerAsync().Within())["Tunnel-Error"].Should().Be("too-busy");
        (await NextResetAsync(agent)).Should().Be(ids[1]);
        await agent.Peer.SendResetAsync(ids[1], (ushort)ResetCode.TooBusy);
        await agent.AnswerAsync((await NextAsync(pair, agent, [])).Id, Talk.Ok("served"));
        (await late.Within()).Text.Should().Be("served");
        foreach (int i in (int[])[0, 2, 3])
        {
            await agent.AnswerAsync(ids[i], Talk.Ok("served"));
            (await visitors[i].ReadAnswerAsync().Within()).Text.Should().Be("served");
        }
    }

    // At once, if what was sent has freed a place and somebody has noticed; else those who wait are looked at.
    private static async Task<(uint Id, string Head)> NextAsync(TunnelPair pair, OddAgent agent, Queue<(uint Id, string Head)> came)
    {
        await agent.Peer.SendNumberAsync(FrameKind.Ping, 5);
        RawFrame frame;
        while ((frame = (await agent.Peer.ReadAsync())!).Kind != FrameKind.Pong)
        {
            if (frame.Kind == FrameKind.Open)
            {
                came.Enqueue((frame.StreamId, frame.Text));
            }
        }

        if (came.TryDequeue(out (uint Id, string Head) first))
        {
            return first;
        }

        pair.Time.Advance(TimeSpan.FromSeconds(1));
        return (await agent.NextRequestAsync().Within(), agent.LastHead);
    }

    private static async Task<uint> NextResetAsync(OddAgent agent)
    {
        RawFrame frame = await agent.Peer.ExpectAsync(FrameKind.Reset).Within();
        frame.Code.Should().Be((ushort)ResetCode.TooBusy);
        return frame.StreamId;
    }

    private static Task<Answer> AskAsync(TunnelPair pair, string address) => pair.AskAsync(Request(address));

    private static string Request(string address) => $"GET / HTTP/1.1\r\nHost: odd.localhost\r\nX-Forwarded-For: {address}\r\n\r\n";

    private static Task<TunnelPair> StartAsync(int room = Room) => TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions
    {
        HasAgent = false,
        IsTimeFake = true,
        Server = options => options with { Waiting = options.Waiting with { Hold = TimeSpan.FromHours(1) }, Agents = options.Agents with { MaxStreamsPerSession = room }, Front = options.Front with { TrustedProxies = TrustedProxies.Parse("127.0.0.1") } },
    });
}

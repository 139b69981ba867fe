using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Tunnel.Framing.Frames;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Agents;

/// <summary>
/// Requests that had a session, but had not entered its link when that was lost: they wait at the name or go to another
/// session, while what the agent may have seen stays where it is.
/// </summary>
public sealed class UntriedRequestTests
{
    private const string Get = "GET /untried HTTP/1.1\r\nHost: odd.localhost\r\n\r\n";

    [Fact]
    public async Task Link_LostUnderQueuedRequests_TheyGoToTheSessionBeside()
    {
        await using TunnelPair pair = await StartAsync();
        await using var ending = new Ending(pair);
        OddAgent first = await ConnectAsync(pair, slot: 0);
        await JamAsync(pair, first);
        Task<Answer> get = pair.AskAsync(Get);
        using ScriptedConnection half = await pair.VisitAsync();
        await half.WriteAsync("POST /half HTTP/1.1\r\nHost: odd.localhost\r\nContent-Length: 11\r\n\r\nhello ");
        await Eventually.TrueAsync(() => pair.Server.OpenStreams == 3);
        await using OddAgent second = await ConnectAsync(pair, slot: 1);
        await first.KillAsync();
        var requests = new Dictionary<uint, string>();
        bool mayGoOn = true;
        while (!requests.Values.Any(request => request.EndsWith("hello world", StringComparison.Ordinal)) || requests.Count < 2)
        {
            RawFrame frame = await second.Peer.ExpectAsync(FrameKind.Open, FrameKind.Data);
            requests[frame.StreamId] = requests.GetValueOrDefault(frame.StreamId, "") + frame.Text;
            if (mayGoOn && requests.Values.Any(request => request.EndsWith("hello ", StringComparison.Ordinal)))
            {
                mayGoOn = false;
                await half.WriteAsync("world");
            }
        }

        foreach ((uint id, string request) in requests)
        {
            await second.AnswerAsync(id, Talk.Ok(request.Contains("GET", StringComparison.Ordinal) ? "got" : "posted"));
        }

        (await get.Within()).Text.Should().Be("got");
        (await half.ReadAnswerAsync().Within()).Text.Should().Be("posted");
        pair.Server.OpenStreams.Should().Be(1, "the upload that the agent has seen waits for its link");
    }

    [Fact]
    public async Task Link_LostUnderAQueuedRequest_IsToldSoAfterTheHold()
    {
        await using TunnelPair pair = await StartAsync();
        await using var ending = new Ending(pair);
        OddAgent agent = await ConnectAsync(pair, slot: 0);
        await JamAsync(pair, agent);
        Task<Answer> get = pair.AskAsync(Get);
        await Eventually.TrueAsync(() => pair.Server.OpenStreams == 2);
        await agent.KillAsync();
        await Eventually.TrueAsync(() => pair.Server.Held == 1);
        for (int second = 0; second < 19; second++)
        {
            pair.Time.Advance(TimeSpan.FromSeconds(1));
        }

        get.IsCompleted.Should().BeFalse();
        pair.Server.OpenStreams.Should().Be(1);
        await pair.AdvanceUntilAsync(get);
        Answer answer = await get;
        (answer.Status, answer["Tunnel-Error"]).Should().Be((503, "agent-offline"));
        answer["Retry-After"].Should().NotBeNull();
    }

    [Fact]
    public async Task Server_ThatStopsUnderAQueuedRequest_LetsItReachItsAgentFirst()
    {
        await using TunnelPair pair = await StartAsync();
        await using var ending = new Ending(pair);
        OddAgent agent = await ConnectAsync(pair, slot: 0);
        await JamAsync(pair, agent);
        Task<Answer> get = pair.AskAsync(Get);
        await Eventually.TrueAsync(() => pair.Server.OpenStreams == 2);
        Task stopping = pair.Server.StopAsync();
        Func<Task> late = () => ScriptedConnection.ConnectAsync(pair.Server.HttpPort);
        await Eventually.TrueAsync(() => Record.ExceptionAsync(late).GetAwaiter().GetResult() is SocketException, what: "nobody is taken in any more");
        pair.Time.Advance(TimeSpan.FromSeconds(1));
        pair.Time.Advance(TimeSpan.FromSeconds(1));
        await agent.Peer.SendNumberAsync(FrameKind.Ack, agent.Peer.Sequenced);
        RawFrame frame;
        do
        {
            frame = await agent.Peer.ExpectAsync(FrameKind.Open, FrameKind.Data);
        }
        while (frame.Kind != FrameKind.Open);
        await agent.AnswerAsync(frame.StreamId, Talk.Ok("answered"));
        Answer answer = await get.Within();
        (answer.Text, answer["Connection"]).Should().Be(("answered", "close"));
        await agent.KillAsync();
        await pair.AdvanceUntilAsync(stopping);
    }

    [Fact]
    public async Task Visitor_ThatLeavesWhileItsRequestIsHandedBack_LeavesNothingBehind()
    {
        await using TunnelPair pair = await StartAsync();
        await using var ending = new Ending(pair);
        OddAgent agent = await ConnectAsync(pair, slot: 0);
        await JamAsync(pair, agent);
        ScriptedConnection[] visitors = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => pair.VisitAsync()));
        foreach (ScriptedConnection visitor in visitors)
        {
            await visitor.WriteAsync(Get);
        }

        await Eventually.TrueAsync(() => pair.Server.OpenStreams == 21);
        Task cutting = Task.Run(async () => await agent.KillAsync());
        foreach (ScriptedConnection visitor in visitors)
        {
            visitor.Reset();
        }

        await cutting;
        await Eventually.TrueAsync(() => pair.Server is { Held: 0, OpenStreams: 1, Counts.Visitors: 1 });
    }

    [Fact]
    public async Task Link_LostUnderAQueuedRawConnection_ItGoesToTheSessionBeside_WithWhatItSaid()
    {
        int wanted = FreePort.Find();
        await using TunnelPair pair = await StartAsync((wanted, wanted));
        await using var ending = new Ending(pair);
        OddAgent first = await ConnectAsync(pair, slot: 0, "tcp", out Task<int> granted);
        int port = await granted;
        using ScriptedConnection busy = await ScriptedConnection.ConnectAsync(port);
        await FillAsync(first, busy, "");
        using ScriptedConnection talks = await ScriptedConnection.ConnectAsync(port);
        await talks.WriteAsync("hello ");
        using ScriptedConnection ends = await ScriptedConnection.ConnectAsync(port);
        await ends.WriteAsync("all of it");
        ends.EndSending();
        await Eventually.TrueAsync(() => pair.Server.OpenStreams == 3);
        await using OddAgent second = await ConnectAsync(pair, slot: 1, "tcp", out Task<int> again);
        (await again).Should().Be(port);
        await first.KillAsync();
        var said = new Dictionary<uint, string>();
        while (!said.ContainsValue("all of it!") || !said.ContainsValue("hello "))
        {
            RawFrame frame = await second.Peer.ExpectAsync(FrameKind.Open, FrameKind.Data);
            string text = Encoding.ASCII.GetString(frame.Payload.AsSpan(frame.Kind == FrameKind.Open ? (frame.Payload[0] << 8) | frame.Payload[1] : 0));
            said[frame.StreamId] = said.GetValueOrDefault(frame.StreamId, "") + text + (frame.IsFin ? "!" : "");
        }

        await talks.WriteAsync("world");
        (await second.Peer.ExpectAsync(FrameKind.Data)).Text.Should().Be("world");
        await second.AnswerAsync(said.First(stream => stream.Value == "hello ").Key, "heard");
        (await talks.ReadToEndAsync().Within()).Should().Equal("heard"u8.ToArray());
        await second.AnswerAsync(said.First(stream => stream.Value == "all of it!").Key, "heard too");
        (await ends.ReadToEndAsync().Within()).Should().Equal("heard too"u8.ToArray());
    }

    private static Task<TunnelPair> StartAsync((int, int)? ports = null) => TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions
    {
        HasAgent = false,
        IsTimeFake = true,
        Server = options => options with { Listen = options.Listen with { TcpPorts = ports } },
    });

    private static Task<OddAgent> ConnectAsync(TunnelPair pair, int slot) => ConnectAsync(pair, slot, "http", out _);

    private static Task<OddAgent> ConnectAsync(TunnelPair pair, int slot, string type, out Task<int> port)
    {
        var granted = new TaskCompletionSource<int>();
        port = granted.Task;
        return ConnectAsync();

        async Task<OddAgent> ConnectAsync()
        {
            OddAgent agent = await OddAgent.DialAsync(pair.Server.AgentPort);
            string tunnel = type == "http" ? "\"subdomain\":\"odd\"" : $"\"port\":{pair.ServerOptions.Listen.TcpPorts!.Value.First}";
            await agent.GreetAsync($$"""{"version":1,"instance":"{{OddAgent.Instance}}","run":"{{OddAgent.Instance}}","slot":{{slot}}}""");
            JsonElement grant = await agent.BindAsync($$"""{"id":1,"type":"{{type}}",{{tunnel}}}""");
            granted.SetResult(new Uri(grant.GetProperty("url").GetString()!).Port);
            return agent;
        }
    }

    // One upload fills the link until the agent, which acknowledges nothing, gets no more: what is opened now has no place.
    private static async Task JamAsync(TunnelPair pair, OddAgent agent) => await FillAsync(
        agent, await pair.VisitAsync(), "POST /jam HTTP/1.1\r\nHost: odd.localhost\r\nContent-Length: 100000000\r\n\r\n");

    private static async Task FillAsync(OddAgent agent, ScriptedConnection visitor, string head)
    {
        await visitor.WriteAsync(head);
        uint id = await agent.NextRequestAsync();
        await agent.Peer.SendCreditAsync(id, 64 * 1024 * 1024);
        _ = WriteAsync(visitor);
        while (agent.Peer.KeptBySender < ProtocolLimits.ReplayBytes)
        {
            await agent.Peer.ExpectAsync(FrameKind.Data);
        }
    }

    private static async Task WriteAsync(ScriptedConnection visitor)
    {
        try
        {
            await visitor.Socket.SendAsync(new byte[32 * 1024 * 1024]);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    // The upload that nobody reads notices nothing by itself: it ends with its session, when the window is over.
    private sealed class Ending(TunnelPair pair) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => new(pair.AdvanceUntilAsync(Eventually.TrueAsync(() => pair.Server.OpenStreams == 0)));
    }
}

using Tunnel.Agent;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Agents;

/// <summary>Names that pass from one agent to the next, and several agents on one name.</summary>
public sealed class TakeoverTests
{
    private const string Run = "00000000000000000000000000000001";
    private const string LaterRun = "00000000000000000000000000000002";

    private static readonly PairOptions NoAgent = new() { HasAgent = false };

    private static readonly HeartbeatTimes Never = new(TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(10));

    // Nothing but being asked would find a silent holder within a test: it is idle, its sockets are fine.
    private static readonly PairOptions Patient = NoAgent with
    {
        Server = options => options with { Session = options.Session with { BusyHeartbeat = Never, IdleHeartbeat = Never } },
    };

    [Fact]
    public async Task Agent_ThatWasKilledAndStartedAgain_HasItsNameAtOnce_AndItsVisitorsGoThrough()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using OddAgent killed = await ConnectAsync(pair, Run);
        ScriptedConnection inFlight = await pair.VisitAsync();
        await inFlight.WriteAsync("GET / HTTP/1.1\r\nHost: odd.localhost\r\n\r\n");
        await killed.NextRequestAsync();
        await killed.KillAsync();
        await Eventually.TrueAsync(() => pair.Log.Any(line => line.Contains("is disconnected", StringComparison.Ordinal)));
        Task<Answer> waiting = pair.AskAsync("GET / HTTP/1.1\r\nHost: odd.localhost\r\n\r\n");
        await Eventually.TrueAsync(() => pair.Server.Held == 1);
        await using OddAgent restarted = await ConnectAsync(pair, LaterRun);
        for (int i = 0; i < 2; i++)
        {
            await restarted.AnswerAsync(await restarted.NextRequestAsync(), Talk.Ok("back"));
        }

        (await waiting).Text.Should().Be("back");
        (await inFlight.ReadAnswerAsync().Within()).Text.Should().Be("back", "its work died with the process, and may be done again");
        await Eventually.TrueAsync(() => pair.Server.Counts.Agents == 1, what: "the old session, which tells its visitors first, is gone");
    }

    [Fact]
    public async Task Copy_OfAnAgent_TakesTheNameOnceAndNobodyFlaps()
    {
        using var folder = new TemporaryFolder();
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("first")), NoAgent);
        await using var second = new ScriptedOrigin(Talk.Origin(Talk.Ok("second")));
        string original = Path.Combine(folder.Path, "original");
        string copy = Path.Combine(folder.Path, "copy");
        var before = new ForwardingSignal();
        await using (pair.StartAgent(before, options => options with { StateFolder = original }))
        {
            await before.Times.WhenAsync(1);
        }

        Directory.CreateDirectory(copy);
        string file = Directory.GetFiles(original).Single();
        File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding, options => options with { StateFolder = original });
        await forwarding.Times.WhenAsync(1);
        var copied = new ForwardingSignal();
        await using AgentHost twin = pair.StartAgent(copied, options => options.Origin(origin => origin with { Port = second.Port }) with { StateFolder = copy });
        await copied.Times.WhenAsync(1);
        await Eventually.TrueAsync(() => agent.Status.Reason.Contains("is served by another agent", StringComparison.Ordinal));
        (await pair.GetAsync()).Text.Should().Be("second");
        agent.Exited.IsCompleted.Should().BeFalse("it held the name once, and keeps trying");
        (forwarding.Times.Count, copied.Times.Count).Should().Be((1, 1));
        await twin.DisposeAsync();
        await forwarding.Times.WhenAsync(2);
        (await pair.GetAsync()).Text.Should().Be("first");
    }

    [Fact]
    public async Task Holder_WhoseLinkIsABlackHole_IsAskedAndLosesTheName()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("first")), Patient);
        await using var second = new ScriptedOrigin(Talk.Origin(Talk.Ok("second")));
        await using var relay = new LinkRelay(() => pair.Server.AgentPort);
        var held = new ForwardingSignal();
        await using AgentHost holder = pair.StartAgent(held, options => options.Link(link => link with { Port = relay.Port }));
        await held.Times.WhenAsync(1);
        (await pair.GetAsync()).Text.Should().Be("first");

        // As long as the holder answers, the name is its own.
        AgentHost refused = pair.StartAgent(new ForwardingSignal(), options => options.Origin(origin => origin with { Port = second.Port }));
        ((int)await refused.Exited.Within()).Should().Be(4);
        await refused.DisposeAsync();
        relay.Swallow();
        var taken = new ForwardingSignal();
        long asked = TimeProvider.System.GetTimestamp();
        await using AgentHost other = pair.StartAgent(taken, options => options.Origin(origin => origin with { Port = second.Port }));
        await taken.Times.WhenAsync(1);
        TimeProvider.System.GetElapsedTime(asked).Should().BeGreaterThan(TimeSpan.FromSeconds(1.9), "the holder has two seconds to answer");
        (await pair.GetAsync()).Text.Should().Be("second");
        (pair.Server.Counts.Agents, pair.Server.Counts.Names).Should().Be((2, 1), "the silent session has lost its name, and goes on as long as its heartbeat lets it");
        held.Times.Count.Should().Be(1);
    }

    [Fact]
    public async Task Holder_WhoseLinkIsABlackHole_LosesTheNameToABindOfALiveSessionToo()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("first")), Patient);
        await using var relay = new LinkRelay(() => pair.Server.AgentPort);
        var held = new ForwardingSignal();
        await using AgentHost holder = pair.StartAgent(held, options => options.Link(link => link with { Port = relay.Port }));
        await held.Times.WhenAsync(1);
        await using OddAgent other = await ConnectAsync(pair, Run);
        await other.Peer.SendAsync(0, FrameKind.Bind, Bind(2));
        (await other.Peer.ExpectAsync(FrameKind.Bound)).Text.Should().Contain(RejectCodes.NameConflict, "the holder answers");
        (await pair.GetAsync()).Text.Should().Be("first");
        relay.Swallow();
        long asked = TimeProvider.System.GetTimestamp();
        await other.Peer.SendAsync(0, FrameKind.Bind, Bind(3));
        (await other.Peer.ExpectAsync(FrameKind.Bound)).Text.Should().Contain("\"url\"");
        TimeProvider.System.GetElapsedTime(asked).Should().BeGreaterThan(TimeSpan.FromSeconds(1.9), "the holder has two seconds to answer");
        Task<Answer> answer = pair.GetAsync();
        await other.AnswerAsync(await other.NextRequestAsync(), Talk.Ok("second"));
        (await answer).Text.Should().Be("second");
        (pair.Server.Counts.Agents, pair.Server.Counts.Names).Should().Be((2, 2), "the silent session goes on without its name");

        static string Bind(int id) => $$"""{"id":{{id}},"type":"http","subdomain":"{{TunnelPair.Name.Split('.')[0]}}"}""";
    }

    [Fact]
    public async Task Pool_OfAgents_SharesTheName_AndLosesNothingWhenOneLeaves()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin(Talk.Ok("first")), new PairOptions { Agent = options => options.Tunnel(tunnel => tunnel with { IsPooled = true }) });
        await using var second = new ScriptedOrigin(Talk.Origin(Talk.Ok("second")));
        var forwarding = new ForwardingSignal();
        await using AgentHost other = pair.StartAgent(forwarding, options => options.Origin(origin => origin with { Port = second.Port }));
        await forwarding.Times.WhenAsync(1);
        pair.Server.Counts.Should().Be((0, 2, 1));
        Task<Answer>[] load = [.. Enumerable.Range(0, 64).Select(i => PostAsync(pair, i))];
        await Task.WhenAll(load).Within();
        load.Select(answer => answer.Result.Text).Distinct().Should().BeEquivalentTo("first", "second");
        Task<Answer>[] rolling = [.. Enumerable.Range(0, 64).Select(i => PostAsync(pair, i))];
        await other.StopAsync().Within();
        (await Task.WhenAll(rolling).Within()).Should().OnlyContain(answer => answer.Status == 200);
        (await pair.GetAsync()).Text.Should().Be("first");
    }

    [Fact]
    public async Task Links_OfOneAgent_ServeItsNameTogether()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin(Talk.Ok("x")), new PairOptions { Agent = options => options.Tunnel(tunnel => tunnel with { Subdomain = null }).Link(link => link with { Links = 3 }) });
        await pair.Forwarding.Times.WhenAsync(3);
        pair.Server.Counts.Should().Be((0, 3, 1), "one name, which the server chose, on three sessions");
        pair.Agent.Sessions.Should().Be(3);
        string host = pair.Forwarding.Grant!.Name;
        Answer[] answers = await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => pair.AskAsync($"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))).Within();
        answers.Should().OnlyContain(answer => answer.Text == "x");
    }

    [Fact]
    public async Task Session_ThatRefusesARequest_IsFollowedByAnotherThatTakesIt_WithItsBody()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using OddAgent first = await ConnectAsync(pair, Run, pool: true, instance: new string('a', 32));
        await using OddAgent second = await ConnectAsync(pair, Run, pool: true, instance: new string('b', 32));
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync("POST / HTTP/1.1\r\nHost: odd.localhost\r\nContent-Length: 11\r\n\r\nhello ");

        // Both are idle: the first one there is asked.
        await first.Peer.SendResetAsync(await first.NextRequestAsync(), (ushort)ResetCode.NotProcessed);
        uint id = await second.NextRequestAsync();
        await visitor.WriteAsync("world");
        string body = "";
        while (!body.EndsWith("world", StringComparison.Ordinal))
        {
            body += (await second.Peer.ExpectAsync(FrameKind.Data)).Text;
        }

        await second.AnswerAsync(id, Talk.Ok("taken"));
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("taken");
        (second.LastHead + body).Should().Contain("Content-Length: 11").And.EndWith("hello world");
    }

    [Fact]
    public async Task Session_ThatRefusesWhatItHasBegunToAnswer_CutsTheVisitor_AndNobodyElseIsAsked()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using OddAgent first = await ConnectAsync(pair, Run, pool: true, instance: new string('a', 32));
        await using OddAgent second = await ConnectAsync(pair, Run, pool: true, instance: new string('b', 32));
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync("GET /begun HTTP/1.1\r\nHost: odd.localhost\r\n\r\n");
        uint id = await first.NextRequestAsync();
        await first.AnswerAsync(id, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", fin: false);
        (await visitor.ReadHeadAsync().Within()).Should().Contain("Content-Length: 100");
        await first.Peer.SendResetAsync(id, (ushort)ResetCode.NotProcessed);
        Func<Task> rest = () => visitor.ReadToEndAsync().Within();
        await rest.Should().ThrowAsync<IOException>("a second answer behind half of the first is neither");
        Task<Answer> next = pair.AskAsync("GET /next HTTP/1.1\r\nHost: odd.localhost\r\n\r\n");
        Task<uint>[] either = [first.NextRequestAsync(), second.NextRequestAsync()];
        OddAgent asked = await Task.WhenAny(either).Within() == either[0] ? first : second;
        asked.LastHead.Should().Contain("GET /next");
        await asked.AnswerAsync(await either[asked == first ? 0 : 1], Talk.Ok("y"));
        (await next).Text.Should().Be("y");
    }

    [Fact]
    public async Task Session_ThatRefusesInTheMiddleOfAHead_LeavesNothingOfItInTheNextAnswer()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using OddAgent first = await ConnectAsync(pair, Run, pool: true, instance: new string('a', 32));
        await using OddAgent second = await ConnectAsync(pair, Run, pool: true, instance: new string('b', 32));
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync("GET / HTTP/1.1\r\nHost: odd.localhost\r\n\r\n");
        uint id = await first.NextRequestAsync();
        await first.AnswerAsync(id, "HTTP/1.1 200 OK\r\nX-First: 1\r\nX-Broken", fin: false);

        // The head is read before the reset: an answer to a PING comes behind what was handled.
        await first.Peer.SendNumberAsync(FrameKind.Ping, 1);
        await first.Peer.ExpectAsync(FrameKind.Pong);
        await first.Peer.SendResetAsync(id, (ushort)ResetCode.NotProcessed);
        await second.AnswerAsync(await second.NextRequestAsync(), Talk.Ok("taken"));
        Answer answer = await visitor.ReadAnswerAsync().Within();
        (answer.Status, answer.Text, answer["X-First"]).Should().Be((200, "taken", null));
    }

    private static Task<Answer> PostAsync(TunnelPair pair, int i)
    {
        string body = new('b', 1000 + i);
        return pair.AskAsync($"POST /{i} HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: {body.Length}\r\n\r\n{body}");
    }

    private static Task<OddAgent> ConnectAsync(TunnelPair pair, string run, bool pool = false, string instance = OddAgent.Instance) => OddAgent.ConnectAsAsync(
        pair.Server.AgentPort,
        $$"""{"version":1,"instance":"{{instance}}","run":"{{run}}"}""",
        $$"""{"id":1,"type":"http","subdomain":"odd","pool":{{(pool ? "true" : "false")}}}""");
}

using System.Text.Json;
using Tunnel.Agent;
using Tunnel.Agent.Connection;
using Tunnel.Framing.Frames;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Agents;

/// <summary>Who becomes a session, who is told why not, and who is not answered at all.</summary>
public sealed class HandshakeTests
{
    private static readonly PairOptions NoAgent = new() { HasAgent = false };

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("\u0001")]
    [InlineData("\0\0\0\0\u0004\0\0\u0008\0\0\0\0\0\0\0\0")]
    public async Task FirstBytes_ThatAreNoHello_AreClosedWithoutAnAnswer(string bytes)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        using ScriptedConnection stranger = await ScriptedConnection.ConnectAsync(pair.Server.AgentPort);
        await stranger.WriteAsync(bytes);
        (await stranger.ReadToEndAsync().Within()).Should().BeEmpty();
    }

    [Fact]
    public async Task Silence_BeforeAHello_IsClosedInTime()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent with { IsTimeFake = true });
        using ScriptedConnection silent = await ScriptedConnection.ConnectAsync(pair.Server.AgentPort);
        using ScriptedConnection halfway = await ScriptedConnection.ConnectAsync(pair.Server.AgentPort);
        await halfway.WriteAsync("\0\0\0\0\u0001\0\0");
        Task<Exception?> first = Record.ExceptionAsync(silent.ReadToEndAsync);
        Task<Exception?> second = Record.ExceptionAsync(halfway.ReadToEndAsync);
        await pair.AdvanceUntilAsync(Task.WhenAll(first, second));
    }

    [Theory]
    [InlineData("{", RejectCodes.HelloInvalid)]
    [InlineData("""{"version":1}""", RejectCodes.HelloInvalid)]
    [InlineData("""{"version":1,"instance":"0123456789abcdef0123456789abcdef","features":["?"]}""", RejectCodes.HelloInvalid)]
    [InlineData("""{"version":1,"instance":"0123456789abcdef0123456789abcdef","streams":0}""", RejectCodes.HelloInvalid)]
    [InlineData("""{"version":2,"minVersion":2,"instance":"0123456789abcdef0123456789abcdef"}""", RejectCodes.VersionMismatch)]
    public async Task Hello_ThatCannotBeGranted_IsRejectedWithAReason(string hello, string code)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using OddAgent agent = await OddAgent.DialAsync(pair.Server.AgentPort);
        await agent.HelloAsync(hello);
        JsonElement reject = JsonDocument.Parse((await agent.Peer.ExpectAsync(FrameKind.Reject)).Payload).RootElement;
        reject.GetProperty("code").GetString().Should().Be(code);
        reject.GetProperty("message").GetString().Should().NotBeEmpty();
        (await agent.Peer.ReadAsync()).Should().BeNull("the link is closed behind a REJECT");
        await Eventually.TrueAsync(() => pair.Server.Counts == (0, 0, 0));
    }

    [Fact]
    public async Task Names_OfASession_AreAnsweredOneByOneWithCodesOfTheirOwn()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using OddAgent agent = await OddAgent.DialAsync(pair.Server.AgentPort);
        await agent.GreetAsync($$"""{"version":1,"instance":"{{OddAgent.Instance}}"}""");
        foreach (string name in (string[])["\"subdomain\":\"a.b\"", "\"subdomain\":\"-a\"", "\"hostname\":\"localhost\"", "\"subdomain\":\"Bad Name\""])
        {
            await agent.Peer.SendAsync(0, FrameKind.Bind, $$"""{"id":1,"type":"http",{{name}}}""");
            JsonElement bound = JsonDocument.Parse((await agent.Peer.ExpectAsync(FrameKind.Bound)).Payload).RootElement;
            bound.GetProperty("code").GetString().Should().Be(RejectCodes.NameRefused, name);
            bound.GetProperty("message").GetString().Should().NotBeEmpty();
        }

        pair.Server.Counts.Should().Be((0, 1, 0), "the session goes on");
        JsonElement granted = await agent.BindAsync("""{"id":1,"type":"http","subdomain":"ok"}""");
        granted.GetProperty("name").GetString().Should().Be("ok.localhost");
        pair.Server.Counts.Names.Should().Be(1);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"id":1,"type":"udp"}""")]
    [InlineData("""{"id":1,"type":"http","hostHeader":"a b"}""")]
    public async Task Bind_ThatIsMalformed_EndsTheSession(string bind)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using OddAgent agent = await OddAgent.ConnectAsync(pair.Server.AgentPort, "odd");
        await agent.Peer.SendAsync(0, FrameKind.Bind, bind);
        (await agent.Peer.ExpectCloseAsync()).Code.Should().Be((ushort)CloseCode.MalformedPayload);
        await Eventually.TrueAsync(() => pair.Server.Counts == (0, 0, 0));
    }

    [Fact]
    public async Task Guard_AsLargeAsOneCanBe_FitsItsBind()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using OddAgent agent = await OddAgent.ConnectAsync(pair.Server.AgentPort, "odd");
        string[] networks = [.. Enumerable.Range(0, TunnelGuard.MostNetworks).Select(number => $"2001:0db8:0000:0000:0000:0000:0000:{number:x4}/128")];
        string[] users = [.. Enumerable.Range(10, TunnelGuard.MostUsers).Select(number =>
            $"{number}{new string('\u00E4', TunnelGuard.MostNameLength - 2)}:$2b$12${new string('x', 53)}")];
        byte[] bind = JsonMessages.Write(new TunnelRequest
        {
            Id = 2,
            Type = TunnelTypes.Http,
            Hostname = $"{new string('a', 60)}.test",
            HostHeader = new string('h', 255),
            Guard = new TunnelGuard { Allow = networks, Deny = networks, Users = users, ForwardAuth = true },
        });
        bind.Length.Should().BeGreaterThan(ProtocolLimits.JsonPayload);
        await agent.Peer.SendAsync(0, FrameKind.Bind, bind);
        (await agent.Peer.ExpectAsync(FrameKind.Bound)).Text.Should().Contain("\"url\"");
    }

    [Fact]
    public async Task Agent_WithRoomForFewStreams_GetsNoMore()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using OddAgent agent = await OddAgent.ConnectAsAsync(
            pair.Server.AgentPort, $$"""{"version":1,"instance":"{{OddAgent.Instance}}","streams":1}""", """{"id":1,"type":"http","subdomain":"odd"}""");
        Task<Answer> first = pair.AskAsync("GET /1 HTTP/1.1\r\nHost: odd.localhost\r\n\r\n");
        uint id = await agent.NextRequestAsync();
        Task<Answer> second = pair.AskAsync("GET /2 HTTP/1.1\r\nHost: odd.localhost\r\n\r\n");
        await Eventually.TrueAsync(() => pair.Server.Held == 1, what: "the second waits");
        await agent.AnswerAsync(id, Talk.Ok("one"));
        (await first.Within()).Text.Should().Be("one");
        await agent.AnswerAsync(await agent.NextRequestAsync(), Talk.Ok("two"));
        (await second.Within()).Text.Should().Be("two");
    }

    [Theory]
    [InlineData("no_underscores")]
    [InlineData("two.labels")]
    public async Task Agent_ThatAsksForABadName_EndsWithTheReason(string subdomain)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using AgentHost agent = pair.StartAgent(new ForwardingSignal(), options => options.Tunnel(tunnel => tunnel with { Subdomain = subdomain }));
        (await agent.Exited.Within()).Should().Be(AgentExit.NameRefused);
        pair.Log.Should().Contain(line => line.StartsWith("Error: The server refused this agent (name-refused)", StringComparison.Ordinal)
            && line.Contains(subdomain, StringComparison.Ordinal) && line.EndsWith("[name-refused]", StringComparison.Ordinal));
    }

    [Fact]
    public async Task SecondAgent_OnATakenName_IsToldAndEnds()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("first")));
        await using AgentHost second = pair.StartAgent(new ForwardingSignal());
        (await second.Exited.Within()).Should().Be(AgentExit.NameRefused);
        (await pair.GetAsync()).Text.Should().Be("first");
        pair.Agent.Exited.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task SameInstance_WithANewLink_TakesItsNameBack()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using OddAgent first = await OddAgent.ConnectAsync(pair.Server.AgentPort, "odd");
        await using OddAgent second = await OddAgent.ConnectAsync(pair.Server.AgentPort, "odd");
        (await first.Peer.ExpectCloseAsync()).Code.Should().Be((ushort)CloseCode.Replaced);
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync("GET / HTTP/1.1\r\nHost: odd.localhost\r\n\r\n");
        await second.AnswerAsync(await second.NextRequestAsync(), Talk.Ok("second"));
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("second");
    }

    [Fact]
    public async Task Agent_OnALiveSession_BindsAndDropsNames()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using OddAgent agent = await OddAgent.ConnectAsync(pair.Server.AgentPort, "odd");
        await agent.BindAsync("""{"id":2,"type":"http","subdomain":"more"}""");
        pair.Server.Counts.Names.Should().Be(2);
        await agent.BindAsync("""{"id":3,"type":"http","subdomain":"more","guard":{"deny":["127.0.0.1"]}}""");
        (await pair.AskAsync("GET / HTTP/1.1\r\nHost: more.localhost\r\n\r\n"))["Tunnel-Error"].Should().Be("access-denied", "the guard is there with the update");
        pair.Server.Counts.Names.Should().Be(2);
        await agent.Peer.SendAsync(0, FrameKind.Unbind, """{"id":3}""");
        await Eventually.TrueAsync(() => pair.Server.Counts.Names == 1);
    }
}

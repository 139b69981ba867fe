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
    [InlineData("""{"version":1,"tunnels":[{"id":1,"type":"http"}]}""", RejectCodes.HelloInvalid)]
    [InlineData("""{"version":1,"instance":"0123456789abcdef0123456789abcdef","tunnels":[]}""", RejectCodes.HelloInvalid)]
    [InlineData("""{"version":2,"minVersion":2,"instance":"0123456789abcdef0123456789abcdef","tunnels":[{"id":1,"type":"http"}]}""", RejectCodes.VersionMismatch)]
    [InlineData("""{"version":1,"instance":"0123456789abcdef0123456789abcdef","tunnels":[{"id":1,"type":"http","subdomain":"a.b"}]}""", RejectCodes.NameRefused)]
    [InlineData("""{"version":1,"instance":"0123456789abcdef0123456789abcdef","tunnels":[{"id":1,"type":"http","subdomain":"-a"}]}""", RejectCodes.NameRefused)]
    [InlineData("""{"version":1,"instance":"0123456789abcdef0123456789abcdef","tunnels":[{"id":1,"type":"http","hostname":"localhost"}]}""", RejectCodes.NameRefused)]
    [InlineData("""{"version":1,"instance":"0123456789abcdef0123456789abcdef","tunnels":[{"id":1,"type":"http","subdomain":"ok"},{"id":2,"type":"http","subdomain":"Bad Name"}]}""", RejectCodes.NameRefused)]
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

    [Theory]
    [InlineData("no_underscores")]
    [InlineData("two.labels")]
    public async Task Agent_ThatAsksForABadName_EndsWithTheReason(string subdomain)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using AgentHost agent = pair.StartAgent(new ForwardingSignal(), options => options with { Subdomain = subdomain });
        (await agent.Exited.Within()).Should().Be(AgentExit.NameRefused);
        pair.Log.Should().Contain(line => line.StartsWith("Error: The server refused this agent (name-refused)", StringComparison.Ordinal)
            && line.Contains(subdomain, StringComparison.Ordinal));
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
        await agent.Peer.SendAsync(0, FrameKind.Bind, """{"id":2,"type":"http","subdomain":"more"}""");
        (await agent.Peer.ExpectAsync(FrameKind.Bound)).Text.Should().Contain("more.localhost");
        await agent.Peer.SendAsync(0, FrameKind.Bind, """{"id":3,"type":"http","subdomain":"more"}""");
        (await agent.Peer.ExpectAsync(FrameKind.Bound)).Text.Should().Contain(RejectCodes.NameConflict);
        pair.Server.Counts.Names.Should().Be(2);
        await agent.Peer.SendAsync(0, FrameKind.Unbind, """{"id":2}""");
        await Eventually.TrueAsync(() => pair.Server.Counts.Names == 1);
    }
}

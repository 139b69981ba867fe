using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Agent.Connection;
using Tunnel.Agent.Link;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Frames;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Agent.Tests.Connection;

/// <summary>What the agent makes of a server's answers: go on, try again, or give up and with which code.</summary>
public sealed class AgentLoopTests
{
    [Theory]
    [InlineData(RejectCodes.VersionMismatch, false, AgentExit.VersionRefused)]
    [InlineData(RejectCodes.TokenRequired, false, AgentExit.TokenRefused)]
    [InlineData(RejectCodes.TokenUnknown, false, AgentExit.TokenRefused)]
    [InlineData(RejectCodes.TokenExpired, false, AgentExit.TokenRefused)]
    [InlineData(RejectCodes.TokenRevoked, false, AgentExit.TokenRefused)]
    [InlineData(RejectCodes.HelloInvalid, false, AgentExit.NameRefused)]
    public async Task Refusal_ThatNoRetryCures_EndsTheAgent(string code, bool retry, AgentExit exit)
    {
        await using var server = new ScriptedServer(ScriptedServer.Reject(code, retry));
        await using AgentHost agent = Start(server);
        (await agent.Exited.Within()).Should().Be(exit);
    }

    [Theory]
    [InlineData(RejectCodes.NameRefused, false)]
    [InlineData(RejectCodes.NameConflict, true)]
    [InlineData("of-a-later-version", false)]
    public async Task Name_ThatIsRefusedToWhoNeverHeldIt_EndsTheAgent(string code, bool retry)
    {
        await using var server = new ScriptedServer(ScriptedServer.Refuse(code, retry));
        await using AgentHost agent = Start(server);
        (await agent.Exited.Within()).Should().Be(AgentExit.NameRefused);
        server.Hellos.Should().ContainSingle();
    }

    [Theory]
    [InlineData(RejectCodes.TooManySessions)]
    [InlineData("of-a-later-version")]
    public async Task Name_ThatMayBeHadLater_IsAskedForAgain(string code)
    {
        await using var server = new ScriptedServer(ScriptedServer.Refuse(code, retry: true));
        await using AgentHost agent = Start(server);
        await server.Greeted.WhenAsync(3);
        agent.Exited.IsCompleted.Should().BeFalse();
        agent.IsConnected.Should().BeFalse("a session without its tunnel is none");
    }

    [Fact]
    public async Task Name_ThatIsTakenAway_IsAskedForAgain()
    {
        byte[] unbound = RawPeer.Frame(0, FrameKind.Unbound, """{"id":1,"code":"name-conflict","message":"a newer session took over"}"""u8);
        await using var server = new ScriptedServer(ScriptedServer.Bind("demo.test", unbound), ScriptedServer.Bind("demo.test"));
        await using AgentHost agent = Start(server);
        await server.Greeted.WhenAsync(2);
        await Eventually.TrueAsync(() => agent.IsConnected);
        server.Hellos.Select(hello => hello.GetProperty("instance").GetString()).Distinct().Should().ContainSingle();
    }

    [Fact]
    public async Task Server_ThatTakesTheNameAwayAndRefusesIt_EndsTheAgent()
    {
        byte[] unbound = RawPeer.Frame(0, FrameKind.Unbound, """{"id":1,"code":"name-refused","message":"another token has it"}"""u8);
        await using var server = new ScriptedServer(ScriptedServer.Bind("demo.test", unbound), ScriptedServer.Refuse(RejectCodes.NameRefused, retry: false));
        await using AgentHost agent = Start(server);
        (await agent.Exited.Within()).Should().Be(AgentExit.NameRefused);
    }

    [Theory]
    [InlineData(RejectCodes.TooManySessions)]
    [InlineData(RejectCodes.Draining)]
    [InlineData(RejectCodes.ResumeRefused)]
    [InlineData("of-a-later-version")]
    public async Task Refusal_ThatMayPass_IsTriedAgain(string code)
    {
        await using var server = new ScriptedServer(ScriptedServer.Reject(code, retry: true));
        await using AgentHost agent = Start(server);
        await server.Greeted.WhenAsync(3);
        agent.Exited.IsCompleted.Should().BeFalse();
    }

    [Theory]
    [InlineData(RejectCodes.TokenUnknown)]
    [InlineData(RejectCodes.TokenExpired)]
    public async Task Token_ThatWorkedBefore_IsShownAgainInAWhile(string code)
    {
        await using var server = new ScriptedServer(ScriptedServer.BindAndClose("demo.test"), ScriptedServer.Reject(code, retry: false));
        await using AgentHost agent = Start(server);
        await server.Greeted.WhenAsync(2);
        await Eventually.TrueAsync(() => agent.Status.Reason?.Contains("took the token before", StringComparison.Ordinal) == true);
        agent.Poke();
        agent.Exited.IsCompleted.Should().BeFalse();
        server.Hellos.Should().HaveCount(2, "whatever the hurry");
    }

    [Fact]
    public async Task Token_ThatWorkedAndIsRevoked_EndsTheAgent()
    {
        await using var server = new ScriptedServer(ScriptedServer.BindAndClose("demo.test"), ScriptedServer.Reject(RejectCodes.TokenRevoked, retry: false));
        await using AgentHost agent = Start(server);
        (await agent.Exited.Within()).Should().Be(AgentExit.TokenRefused);
    }

    [Fact]
    public async Task Conflict_OverANameOnceHeld_IsTriedAgain()
    {
        await using var server = new ScriptedServer(
            ScriptedServer.BindAndClose("demo.test"), ScriptedServer.Refuse(RejectCodes.NameConflict, retry: true));
        await using AgentHost agent = Start(server);
        await server.Greeted.WhenAsync(3);
        agent.Exited.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Hello_OfOneAgent_CarriesOneInstanceAndWhatWasAskedFor()
    {
        await using var server = new ScriptedServer(ScriptedServer.BindAndClose("demo.test"));
        await using AgentHost agent = Start(server, options => options.Tunnel(tunnel => tunnel with { HostHeader = "app", Via = false }));
        await server.Greeted.WhenAsync(2);
        JsonElement[] hellos = [.. server.Hellos.Take(2)];
        hellos.Select(hello => hello.GetProperty("instance").GetString()).Distinct().Should().ContainSingle();
        foreach (JsonElement tunnel in server.Binds.Take(2))
        {
            tunnel.GetProperty("subdomain").GetString().Should().Be("demo");
            tunnel.GetProperty("hostHeader").GetString().Should().Be("app");
            tunnel.GetProperty("via").GetBoolean().Should().BeFalse();
        }
    }

    [Fact]
    public async Task Name_TheServerChose_IsAskedForAgain()
    {
        await using var server = new ScriptedServer(ScriptedServer.BindAndClose("chosen.test"));
        await using AgentHost agent = Start(server, options => options.Tunnel(tunnel => tunnel with { Subdomain = null }));
        await server.Greeted.WhenAsync(2);
        JsonElement[] binds = [.. server.Binds.Take(2)];
        binds[0].TryGetProperty("hostname", out JsonElement before);
        before.ValueKind.Should().BeOneOf(JsonValueKind.Undefined, JsonValueKind.Null);
        binds[1].GetProperty("hostname").GetString().Should().Be("chosen.test");
    }

    [Fact]
    public async Task Hello_OfAnAgent_TellsItsTerms()
    {
        await using var server = new ScriptedServer(ScriptedServer.Bind("demo.test"));
        await using AgentHost agent = Start(server);
        await server.Greeted.WhenAsync(1);
        JsonElement hello = server.Hellos.Single();
        hello.GetProperty("streams").GetInt32().Should().Be(ProtocolLimits.Streams);
        hello.GetProperty("uploadWindow").GetInt32().Should().Be(ProtocolLimits.LeastWindow);
    }

    [Fact]
    public async Task Tunnel_ThatIsDueWhileTooMuchIsUnderWay_IsWaitedForAtRest()
    {
        // One is refused, and of the others no BIND is answered: as many as may be under way.
        await using var server = new ScriptedServer(ScriptedServer.Refuse("of-a-later-version", retry: true));
        var time = new CountedTime();
        await using AgentHost agent = Start(
            server,
            options => options with { Tunnels = [.. Enumerable.Range(0, 33).Select(number => new TunnelOptions { Name = $"demo{number}", Subdomain = $"demo{number}", Origin = new OriginOptions { Port = 1 } })] },
            time);
        await server.Greeted.WhenAsync(1);
        await Eventually.TrueAsync(() => agent.Tunnels[0].Status.State == TunnelState.Refused);
        time.Advance(TimeSpan.FromSeconds(5));
        long before = time.Asked;
        await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        (time.Asked - before).Should().BeLessThan(20, "a loop that never rests asks for the time again and again");
    }

    private static AgentHost Start(ScriptedServer server, Func<AgentOptions, AgentOptions>? change = null, TimeProvider? time = null)
    {
        var options = new AgentOptions { Link = new LinkOptions { Host = "127.0.0.1", Port = server.Port }, Tunnels = [new TunnelOptions { Subdomain = "demo", Origin = new OriginOptions { Port = 1 } }] };
        return AgentHost.Start(change is null ? options : change(options), new Nobody(), NullLoggerFactory.Instance, time);
    }

    private sealed class CountedTime : FakeTimeProvider
    {
        private long _asked;

        public long Asked => Interlocked.Read(ref _asked);

        public override long GetTimestamp()
        {
            Interlocked.Increment(ref _asked);
            return base.GetTimestamp();
        }
    }

    private sealed class Nobody : IAgentEvents
    {
        public void OnForwarding(TunnelOptions tunnel, TunnelGrant grant, IPEndPoint? server)
        {
        }
    }
}

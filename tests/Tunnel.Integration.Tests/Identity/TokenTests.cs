using Tunnel.Agent;
using Tunnel.Agent.Connection;
using Tunnel.Framing.Frames;
using Tunnel.Hosting.Secrets;
using Tunnel.Integration.Tests.Agents;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Identity;

public sealed class TokenTests
{
    [Fact]
    public async Task Agent_WithAToken_IsServedOverTls()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop", "demo");
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions
        {
            State = tokens.State,
            Server = options => options with { Agents = options.Agents with { RequireToken = true } },
            Agent = options => options.Link(link => link with { Token = token }),
        });

        Answer answer = await pair.GetAsync();

        answer.Status.Should().Be(200);
        pair.Log.Should().Contain(line => line.Contains("is served by the agent at") && line.Contains("(token laptop)"));
    }

    [Fact]
    public async Task Agent_OfAServerWithAnotherKey_NeverSpeaks()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop", "demo");
        byte[] otherPin = [.. token.Pin!.Reverse()];
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions { State = tokens.State, HasAgent = false });
        await using AgentHost agent = pair.StartAgent(
            new ForwardingSignal(), options => options.Link(link => link with { Token = new AgentToken(token.Id, new byte[32], otherPin, token.Server) }));

        await Eventually.TrueAsync(() => pair.Log.Any(line => line.Contains("shows another key", StringComparison.Ordinal)));

        agent.IsConnected.Should().BeFalse();
        pair.Log.Should().NotContain(line => line.Contains("Token failure", StringComparison.Ordinal), "the token was not shown");
    }

    [Fact]
    public async Task LocalAgent_WithoutAToken_IsRefusedWhereOneIsRequired()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions
        {
            State = tokens.State,
            Server = options => options with { Agents = options.Agents with { RequireToken = true } },
            HasAgent = false,
        });
        await using AgentHost agent = pair.StartAgent(new ForwardingSignal());

        (await agent.Exited.Within()).Should().Be(AgentExit.TokenRefused);
        await using AgentHost again = pair.StartAgent(new ForwardingSignal());
        (await again.Exited.Within()).Should().Be(AgentExit.TokenRefused);
        pair.Log.Where(line => line.Contains("Refused the agent") && line.Contains("token-required")).Should().ContainSingle("the server's owner hears of it, once a minute");
    }

    [Fact]
    public async Task Token_OnALiveSession_BindsOnlyWhatItOwns()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop", "a-*");
        await tokens.MakeAsync("other", "b");
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions { State = tokens.State, HasAgent = false });
        await using OddAgent agent = await OddAgent.DialAsync(pair.Server.AgentPort);
        await agent.GreetAsync(Hello(token));
        await agent.BindAsync(Tunnel(1, "a-one"));

        foreach ((string name, bool granted) in new[] { ("a-two", true), ("b", false), ("c", false), ("www", false), ("a-three", true) })
        {
            await agent.Peer.SendAsync(0, FrameKind.Bind, $$"""{"id":{{name.Length + name[^1]}},"type":"http","subdomain":"{{name}}"}""");
            RawFrame bound = await agent.Peer.ExpectAsync(FrameKind.Bound);
            System.Text.Encoding.UTF8.GetString(bound.Payload).Contains("name-refused", StringComparison.Ordinal).Should().Be(!granted, "{0}: {1}", name, System.Text.Encoding.UTF8.GetString(bound.Payload));
        }
    }

    [Fact]
    public async Task Token_Revoked_EndsItsSessionWithTheReason()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop", "demo");
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions
        {
            State = tokens.State,
            Agent = options => options.Link(link => link with { Token = token }),
        });

        await tokens.RevokeAsync("laptop");

        (await pair.Agent.Exited.Within()).Should().Be(AgentExit.TokenRefused);
        pair.Server.Counts.Names.Should().Be(0);
        await using AgentHost stranger = pair.StartAgent(new ForwardingSignal(), options => options.Link(link => link with { Token = null }));
        (await stranger.Exited.Within()).Should().Be(AgentExit.NameRefused, "the name waits for its next owner");
    }

    [Fact]
    public async Task Owner_OfANameThatALocalAgentServes_GetsIt()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions { State = tokens.State });
        AgentToken token = await tokens.MakeAsync("owner", "demo");

        (await pair.Agent.Exited.Within()).Should().Be(AgentExit.NameRefused);
        var forwarding = new ForwardingSignal();
        await using AgentHost owner = pair.StartAgent(forwarding, options => options.Link(link => link with { Token = token }));
        await forwarding.Times.WhenAsync(1);

        (await pair.GetAsync()).Status.Should().Be(200);
    }

    [Fact]
    public async Task Name_FirstAskedFor_StaysTheTokensWhenItsAgentIsGone()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken first = await tokens.MakeAsync("first");
        AgentToken second = await tokens.MakeAsync("second");
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions
        {
            State = tokens.State,
            Server = options => options with { Waiting = options.Waiting with { Hold = TimeSpan.FromSeconds(1), NameMemory = TimeSpan.FromSeconds(1) } },
            Agent = options => options.Link(link => link with { Token = first }),
        });
        await pair.Agent.StopAsync();

        await using AgentHost other = pair.StartAgent(new ForwardingSignal(), options => options.Link(link => link with { Token = second }));

        (await other.Exited.Within()).Should().Be(AgentExit.NameRefused);
        (await pair.GetAsync()).Status.Should().Be(503, "its agent is offline, for as long as somebody owns the name");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Name_GrantedToAToken_IsOnTheDiskWhenItsAgentHearsOfIt(bool isBound)
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop");
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin(Talk.Ok("hello")), new PairOptions { State = tokens.State, HasAgent = false, IsTimeFake = true });
        await using OddAgent agent = await OddAgent.DialAsync(pair.Server.AgentPort);
        await agent.GreetAsync(Hello(token));
        await agent.BindAsync(Tunnel(1, "one"));
        if (isBound)
        {
            await agent.BindAsync(Tunnel(2, "two"));
        }

        // As a server finds it that is started after a kill.
        tokens.Read().Claims.Should().Contain(isBound ? "two.localhost" : "one.localhost");
    }

    [Fact]
    public async Task Name_UnderAStar_IsNotFoundUntilServed_AndOfflineFromThenOn()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("everything", "*");
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions
        {
            State = tokens.State,
            Server = options => options with { Waiting = options.Waiting with { Hold = TimeSpan.FromMilliseconds(1), NameMemory = TimeSpan.FromMilliseconds(1) } },
            Agent = options => options.Link(link => link with { Token = token }),
        });
        (await pair.GetAsync()).Status.Should().Be(200);
        await pair.Agent.StopAsync().Within();

        (await pair.GetAsync())["Tunnel-Error"].Should().Be("agent-offline");
        (await pair.AskAsync("GET / HTTP/1.1\r\nHost: mistyped.localhost\r\n\r\n"))["Tunnel-Error"].Should().Be("tunnel-not-found");
        await pair.RestartServerAsync();
        (await pair.GetAsync())["Tunnel-Error"].Should().Be("agent-offline", "it is written down");
    }

    /// <summary>Whether the agent asked for the port, and whether it is its token's own from then on.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Port_OfATokenWithoutPatterns_IsItsOwnIfItAskedForIt(bool isAskedFor)
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop");
        int port = FreePort.Find();
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions
        {
            State = tokens.State,
            Server = options => options with { Listen = options.Listen with { TcpPorts = (port, port) } },
            Agent = options => options.Tunnel(tunnel => tunnel with { Protocol = "tcp", Subdomain = null, RemotePort = isAskedFor ? port : null }).Link(link => link with { Token = token }),
        });

        // After that it asks for the port by its number, chosen or not.
        await pair.RestartServerAsync();
        await pair.Forwarding.Times.WhenAsync(2);

        pair.Forwarding.Grant!.Name.Should().Be($"tcp:{port}");
        tokens.State.Tokens.Current.All.Single().Claims.Should().HaveCount(isAskedFor ? 1 : 0);
    }

    private static string Hello(AgentToken token) => $$"""{"version":1,"instance":"{{OddAgent.Instance}}","token":"{{token.Credential}}"}""";

    private static string Tunnel(int id, string subdomain) => $$"""{"id":{{id}},"type":"http","subdomain":"{{subdomain}}"}""";
}

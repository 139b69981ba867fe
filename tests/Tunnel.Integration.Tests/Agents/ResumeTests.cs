using System.Security.Cryptography;
using System.Text.Json;
using Tunnel.Agent;
using Tunnel.Agent.Connection;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Agents;

/// <summary>A lost link is a pause; and who may take a session up again.</summary>
public sealed class ResumeTests
{
    private static readonly PairOptions NoAgent = new() { HasAgent = false };

    [Fact]
    public async Task Download_AcrossManyCuts_ArrivesOnceAndInOrder()
    {
        byte[] body = RandomNumberGenerator.GetBytes(24 * 1024 * 1024);
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await connection.ReadHeadAsync();
                await connection.WriteAsync($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n");
                await connection.WriteAsync(body);
                await connection.ReadToEndAsync();
            },
            NoAgent);
        await using var relay = new LinkRelay(() => pair.Server.AgentPort);
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding, options => options.Link(link => link with { Port = relay.Port }));
        await forwarding.Times.WhenAsync(1);
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n");
        (await visitor.ReadHeadAsync().Within())!.Should().StartWith("HTTP/1.1 200 ");
        using var seen = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int part = 0; part < 12; part++)
        {
            seen.AppendData(await visitor.ReadExactlyAsync(body.Length / 12).Within());
            await relay.CutAsync(agent);
        }

        seen.GetHashAndReset().Should().Equal(SHA256.HashData(body));
        forwarding.Times.Count.Should().Be(1, "it was one session all the time");
        relay.Links.Count.Should().BeGreaterThan(12);
        visitor.Close();
    }

    [Fact]
    public async Task Upload_AcrossManyCuts_ArrivesOnceAndInOrder()
    {
        byte[] body = RandomNumberGenerator.GetBytes(12 * 1024 * 1024);
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin((_, received) => Talk.Ok(Convert.ToHexString(SHA256.HashData(received)))), NoAgent);
        await using var relay = new LinkRelay(() => pair.Server.AgentPort);
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding, options => options.Link(link => link with { Port = relay.Port }));
        await forwarding.Times.WhenAsync(1);
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: {body.Length}\r\n\r\n");
        for (int part = 0; part < 12; part++)
        {
            await visitor.WriteAsync(body.AsMemory(part * (body.Length / 12), body.Length / 12));
            await relay.CutAsync(agent);
        }

        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be(Convert.ToHexString(SHA256.HashData(body)));
        forwarding.Times.Count.Should().Be(1);
        visitor.Close();
    }

    [Fact]
    public async Task Link_ThatFlapsAndCarriesRequests_IsDialledAgainSoon()
    {
        const string Told = "requests wait: ";
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using var relay = new LinkRelay(() => pair.Server.AgentPort);
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding, options => options.Link(link => link with { Port = relay.Port }));
        await forwarding.Times.WhenAsync(1);
        for (int i = 1; i <= 10; i++)
        {
            (await pair.GetAsync()).Text.Should().Be("x");
            relay.Cut();
            await relay.Links.WhenAsync(i + 1);
        }

        pair.Log.Where(line => line.Contains(Told, StringComparison.Ordinal)).Should().HaveCountGreaterThanOrEqualTo(10)
            .And.OnlyContain(line => line.Contains("again in 0.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Request_WhileTheLinkIsDown_WaitsForIt()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using var relay = new LinkRelay(() => pair.Server.AgentPort);
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding, options => options.Link(link => link with { Port = relay.Port }));
        await forwarding.Times.WhenAsync(1);
        relay.Close();
        await Eventually.TrueAsync(() => agent.Status.State == AgentState.Reconnecting);
        Task<Answer> waiting = pair.GetAsync();
        await Eventually.TrueAsync(() => pair.Server.Held == 1);
        agent.Status.Reason.Should().NotBeEmpty();
        relay.Open();
        (await waiting).Text.Should().Be("x");
        pair.Server.Held.Should().Be(0);
        agent.Status.State.Should().Be(AgentState.Connected);
        forwarding.Times.Count.Should().Be(1);
    }

    [Fact]
    public async Task Session_WhoseServerForgotIt_IsFollowedByANewOneAtOnce()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using var relay = new LinkRelay(() => pair.Server.AgentPort);
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding, options => options.Link(link => link with { Port = relay.Port }));
        await forwarding.Times.WhenAsync(1);
        relay.Close();
        await pair.RestartServerAsync();
        Task<Answer> waiting = pair.GetAsync();
        await Eventually.TrueAsync(() => pair.Server.Held == 1, what: "a request waits for a name that the young server does not know");
        relay.Open();
        (await waiting).Text.Should().Be("x");
        await forwarding.Times.WhenAsync(2);
    }

    [Fact]
    public async Task Hello_OfAStrangerOrOfThePast_GetsNothingAndDisturbsNobody()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using OddAgent agent = await OddAgent.DialAsync(pair.Server.AgentPort);
        JsonElement welcome = await agent.GreetAsync($$"""{"version":1,"instance":"{{OddAgent.Instance}}"}""");
        await agent.BindAsync("""{"id":1,"type":"http","subdomain":"odd"}""");
        string id = welcome.GetProperty("session").GetString()!;
        ResumeSecret secret = ResumeSecret.Parse(welcome.GetProperty("secret").GetString()!);

        await RefusedAsync(pair, id, 5, ResumeSecret.Create().Prove(id, 5, 0), "proof");
        await RefusedAsync(pair, new string('a', 32), 5, secret.Prove(id, 5, 0), "over");

        await using OddAgent second = await OddAgent.DialAsync(pair.Server.AgentPort);
        await second.HelloAsync(Resume(id, 7, secret.Prove(id, 7, 0)));
        JsonElement again = JsonDocument.Parse((await second.Peer.ExpectAsync(FrameKind.Welcome)).Payload).RootElement;
        again.GetProperty("session").GetString().Should().Be(id);
        again.TryGetProperty("secret", out _).Should().BeFalse("it travels once");
        again.GetProperty("count").GetInt64().Should().BePositive("it has the BIND");
        (await second.Peer.ExpectAsync(FrameKind.Bound)).Text.Should().Contain("odd.localhost", "the agent says that it has not received that");
        Func<Task> old = agent.Peer.ReadToEndAsync;
        await old.Should().ThrowAsync<IOException>("the old link is given up without a word");

        // The same words once more, and older ones that were never said.
        await RefusedAsync(pair, id, 7, secret.Prove(id, 7, 0), "out of date");
        await RefusedAsync(pair, id, 6, secret.Prove(id, 6, 0), "out of date");
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync("GET / HTTP/1.1\r\nHost: odd.localhost\r\n\r\n");
        await second.AnswerAsync(await second.NextRequestAsync(), Talk.Ok("still here"));
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("still here");
    }

    [Fact]
    public async Task Count_ThatCannotBe_EndsTheSession()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoAgent);
        await using OddAgent agent = await OddAgent.DialAsync(pair.Server.AgentPort);
        JsonElement welcome = await agent.GreetAsync($$"""{"version":1,"instance":"{{OddAgent.Instance}}"}""");
        await agent.BindAsync("""{"id":1,"type":"http","subdomain":"odd"}""");
        string id = welcome.GetProperty("session").GetString()!;
        ResumeSecret secret = ResumeSecret.Parse(welcome.GetProperty("secret").GetString()!);
        await using OddAgent second = await OddAgent.DialAsync(pair.Server.AgentPort);
        await second.HelloAsync(
            $$"""{"version":1,"instance":"{{OddAgent.Instance}}","resume":{"session":"{{id}}","attach":1,"count":999,"proof":"{{secret.Prove(id, 1, 999)}}" } }""");
        (await second.Peer.ExpectAsync(FrameKind.Reject)).Text.Should().Contain(RejectCodes.ResumeRefused);
        await Eventually.TrueAsync(() => pair.Server.Counts == (0, 0, 0));
        await RefusedAsync(pair, id, 2, secret.Prove(id, 2, 0), "bad-ack");
    }

    private static async Task RefusedAsync(TunnelPair pair, string session, long attach, string proof, string reason)
    {
        await using OddAgent stranger = await OddAgent.DialAsync(pair.Server.AgentPort);
        await stranger.HelloAsync(Resume(session, attach, proof));
        JsonElement reject = JsonDocument.Parse((await stranger.Peer.ExpectAsync(FrameKind.Reject)).Payload).RootElement;
        reject.GetProperty("code").GetString().Should().Be(RejectCodes.ResumeRefused);
        reject.GetProperty("retry").GetBoolean().Should().BeTrue();
        reject.GetProperty("message").GetString().Should().Contain(reason);
        (await stranger.Peer.ReadAsync()).Should().BeNull();
    }

    private static string Resume(string session, long attach, string proof) =>
        $$"""{"version":1,"instance":"{{OddAgent.Instance}}","resume":{"session":"{{session}}","attach":{{attach}},"count":0,"proof":"{{proof}}" } }""";
}

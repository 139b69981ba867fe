using System.Text.Json;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;
using Tunnel.Hosting.Secrets;
using Tunnel.Integration.Tests.Agents;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Identity;

/// <summary>A session belongs to the identity that opened it, whatever somebody else has overheard.</summary>
public sealed class ResumeIdentityTests
{
    private const string Odd = """{"id":1,"type":"http","subdomain":"odd"}""";

    [Fact]
    public async Task ReplayedResume_OfAnotherIdentityOrOfThePast_GetsNothingAndDisturbsNobody()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken own = await tokens.MakeAsync("owner", "odd");
        AgentToken foreign = await tokens.MakeAsync("stranger", "other");
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions { State = tokens.State, HasAgent = false });
        await using OddAgent first = await OddAgent.DialAsync(pair.Server.AgentPort);
        JsonElement welcome = await first.GreetAsync(Hello(own, """ "minVersion":1 """));
        await first.BindAsync(Odd);
        string id = welcome.GetProperty("session").GetString()!;
        ResumeSecret secret = ResumeSecret.Parse(welcome.GetProperty("secret").GetString()!);

        // Everything is right but the identity: a token of somebody else, or none at all.
        foreach (AgentToken? token in new[] { foreign, null })
        {
            await RefusedAsync(pair, Hello(token, Resume(secret, id, attach: 5)), RejectCodes.ResumeRefused, "proof does not hold");
            await using OddAgent heir = await OddAgent.DialAsync(pair.Server.AgentPort);
            await heir.GreetAsync(Hello(token, $$""" "replaces":{"session":"{{id}}","proof":"{{secret.ProveReplacement(id, OddAgent.Instance)}}"} """));
            await heir.Peer.SendAsync(0, FrameKind.Bind, Odd);
            (await heir.Peer.ExpectAsync(FrameKind.Bound)).Text.Should().Contain(RejectCodes.NameRefused).And.Contain("odd.localhost");
        }

        await ServesAsync(pair, first);

        // The number was not used up by whoever had no right to it.
        await using OddAgent second = await OddAgent.DialAsync(pair.Server.AgentPort);
        await second.HelloAsync(Hello(own, Resume(secret, id, attach: 5, first.Peer.Sequenced)));
        await second.Peer.ExpectAsync(FrameKind.Welcome);

        foreach (AgentToken? token in new[] { own, foreign, null })
        {
            await RefusedAsync(pair, Hello(token, Resume(secret, id, attach: 5)), RejectCodes.ResumeRefused, token == own ? "out of date" : "proof");
            await RefusedAsync(pair, Hello(token, Resume(secret, id, attach: 4)), RejectCodes.ResumeRefused, token == own ? "out of date" : "proof");
        }

        await ServesAsync(pair, second);
        await Eventually.TrueAsync(() => pair.Server.Counts is { Agents: 1, Names: 1 });
    }

    private static async Task ServesAsync(TunnelPair pair, OddAgent agent)
    {
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync("GET / HTTP/1.1\r\nHost: odd.localhost\r\n\r\n");
        await agent.AnswerAsync(await agent.NextRequestAsync(), Talk.Ok("still here"));
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("still here");
        visitor.Close();
    }

    private static async Task RefusedAsync(TunnelPair pair, string hello, string code, string reason)
    {
        await using OddAgent stranger = await OddAgent.DialAsync(pair.Server.AgentPort);
        await stranger.HelloAsync(hello);
        JsonElement reject = JsonDocument.Parse((await stranger.Peer.ExpectAsync(FrameKind.Reject)).Payload).RootElement;
        reject.GetProperty("code").GetString().Should().Be(code);
        reject.GetProperty("message").GetString().Should().Contain(reason);
        (await stranger.Peer.ReadAsync()).Should().BeNull();
    }

    private static string Hello(AgentToken? token, string rest) =>
        $$"""{"version":1,"instance":"{{OddAgent.Instance}}",{{(token is null ? "" : $"\"token\":\"{token.Credential}\",")}}{{rest}}}""";

    private static string Resume(ResumeSecret secret, string id, long attach, ulong count = 0) =>
        $$""" "resume":{"session":"{{id}}","attach":{{attach}},"count":{{count}},"proof":"{{secret.Prove(id, attach, (long)count)}}" } """;
}

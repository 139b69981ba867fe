using System.Text;
using Tunnel.Agent;
using Tunnel.Framing.Frames;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Identity;

public sealed class GuardTests
{
    // htpasswd -nbB alice 'open sesame'
    private const string Alice = "alice:$2y$05$wJyd8/wZKF6I4Rjl8QvqZe3DX4E4b9eNkKN9aI7/PqsvlFkJAPboK";
    private static readonly string Credentials = $"Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes("alice:open sesame"))}\r\n";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Visitor_OfATunnelWithPasswords_IsAskedAndTheOriginSeesNothing(bool forward)
    {
        string head = "";
        await using TunnelPair pair = await StartAsync(new TunnelGuard { Users = [Alice], ForwardAuth = forward }, seen => head = seen);

        Answer asked = await pair.GetAsync();
        Answer wrong = await pair.GetAsync(fields: "Authorization: Basic YWxpY2U6eA==\r\n");
        head.Should().BeEmpty("nothing has reached the origin");
        Answer right = await pair.GetAsync(fields: Credentials);

        asked.Status.Should().Be(401);
        asked["WWW-Authenticate"].Should().StartWith("Basic realm=\"demo.localhost\"");
        asked["Tunnel-Error"].Should().Be("auth-required");
        wrong.Status.Should().Be(401);
        right.Status.Should().Be(200);
        head.Contains("Authorization", StringComparison.OrdinalIgnoreCase).Should().Be(forward);
    }

    [Theory]
    [InlineData("127.0.0.0/8", null, 200)]
    [InlineData("10.0.0.0/8", null, 403)]
    [InlineData(null, "127.0.0.1", 403)]
    [InlineData(null, "10.0.0.0/8", 200)]
    public async Task Visitor_FromAnAddress_IsLetThroughByTheRules(string? allow, string? deny, int status)
    {
        await using TunnelPair pair = await StartAsync(
            new TunnelGuard { Allow = allow is null ? null : [allow], Deny = deny is null ? null : [deny] }, _ => { });

        Answer answer = await pair.GetAsync(fields: "X-Forwarded-For: 10.1.2.3\r\n");

        answer.Status.Should().Be(status);
        if (status == 403)
        {
            answer["Tunnel-Error"].Should().Be("access-denied");
        }
    }

    [Fact]
    public async Task Authorization_WithoutPasswordsOfOurs_ReachesTheOrigin()
    {
        string head = "";
        await using TunnelPair pair = await StartAsync(null, seen => head = seen);

        (await pair.GetAsync(fields: "Authorization: Bearer origin's own\r\n")).Status.Should().Be(200);

        head.Should().Contain("Authorization: Bearer origin's own");
    }

    [Fact]
    public async Task Visitor_OfANameWithoutItsAgent_WaitsOnlyIfTheRulesLetItThrough()
    {
        await using TunnelPair pair = await StartAsync(new TunnelGuard { Users = [Alice] }, _ => { });
        await pair.Agent.StopAsync().Within();

        Answer asked = await pair.GetAsync();
        Answer wrong = await pair.GetAsync(fields: "Authorization: Basic YWxpY2U6eA==\r\n");
        pair.Server.Held.Should().Be(0);
        Task<Answer> right = pair.GetAsync(fields: Credentials);
        await Eventually.TrueAsync(() => pair.Server.Held == 1);
        var forwarding = new ForwardingSignal();
        await using AgentHost next = pair.StartAgent(forwarding);

        (asked.Status, asked["Tunnel-Error"]).Should().Be((401, "auth-required"));
        wrong.Status.Should().Be(401);
        (await right.Within()).Text.Should().Be("hello");
    }

    [Fact]
    public async Task Visitor_LetThroughBeforeItWaited_IsJudgedByTheRulesOfTheNextSession()
    {
        await using TunnelPair pair = await StartAsync(new TunnelGuard { Deny = ["10.0.0.0/8"] }, _ => { });
        await pair.Agent.StopAsync().Within();
        Task<Answer> waits = pair.GetAsync();
        await Eventually.TrueAsync(() => pair.Server.Held == 1);
        await using AgentHost next = pair.StartAgent(new ForwardingSignal(), options => options.Tunnel(tunnel => tunnel with { Guard = new TunnelGuard { Deny = ["127.0.0.1"] } }));

        (await waits.Within()).Status.Should().Be(403);
    }

    private static Task<TunnelPair> StartAsync(TunnelGuard? guard, Action<string> onHead) => TunnelPair.StartAsync(
        Talk.Origin((head, _) =>
        {
            onHead(head);
            return Talk.Ok("hello");
        }),
        new PairOptions { Agent = options => options.Tunnel(tunnel => tunnel with { Guard = guard }) });
}

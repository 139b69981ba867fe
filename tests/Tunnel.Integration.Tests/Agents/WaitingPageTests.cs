using Tunnel.Agent;
using Tunnel.Integration.Tests.Identity;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Agents;

/// <summary>A browser that opens a page while the agent is away sees that it waits, where the tunnel wants that; everything else waits as ever.</summary>
public sealed class WaitingPageTests
{
    private const string Browser = "Accept: text/html,*/*;q=0.8\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    private static readonly PairOptions WithPage = new() { Agent = options => options.Tunnel(tunnel => tunnel with { HasWaitingPage = true }) };

    [Fact]
    public async Task Browser_WhileTheAgentIsAway_SeesThePageUntilItIsBack()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("there")), WithPage);
        (await pair.GetAsync(fields: Browser)).Text.Should().Be("there");
        await pair.Agent.StopAsync().Within();

        Answer page = await pair.GetAsync("/deep?a=b", Browser);
        (page.Status, page["Tunnel-Error"], page["Refresh"], page["Cache-Control"]).Should().Be((503, "agent-offline", "2", "no-store"));
        page["Content-Type"].Should().StartWith("text/html");
        page.Text.Should().Contain("Waiting for the agent");
        pair.Server.Held.Should().Be(0, "nobody waits who was told");
        pair.Origin.Accepted.Count.Should().Be(1);

        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding);
        await forwarding.Times.WhenAsync(1);
        (await pair.GetAsync("/deep?a=b", Browser)).Text.Should().Be("there");
    }

    [Theory]
    [InlineData("GET", "", true)]
    [InlineData("GET", "Accept: text/html\r\n", true)]
    [InlineData("GET", "Accept: text/html\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n", true)]
    [InlineData("GET", "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n", true)]
    [InlineData("POST", Browser + "Content-Length: 0\r\n", true)]
    [InlineData("HEAD", Browser, true)]
    [InlineData("GET", Browser, false)]
    public async Task Request_OfAnyOtherKind_OrToATunnelThatDidNotAsk_Waits(string method, string fields, bool hasPage)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin((head, _) => head.StartsWith("HEAD", StringComparison.Ordinal) ? "HTTP/1.1 204 No Content\r\n\r\n" : Talk.Ok("there")),
            hasPage ? WithPage : new PairOptions());
        await pair.Agent.StopAsync().Within();
        Task<Answer> waiting = pair.AskAsync($"{method} / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n{fields}\r\n");
        await Eventually.TrueAsync(() => pair.Server.Held == 1);
        await using AgentHost agent = pair.StartAgent(new ForwardingSignal());
        (await waiting).Status.Should().Be(method == "HEAD" ? 204 : 200);
    }

    [Fact]
    public async Task Browser_ThatThePasswordKeepsOut_SeesNoPage()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("there")), new PairOptions
        {
            Agent = options => options.Tunnel(tunnel => tunnel with { HasWaitingPage = true, Guard = new() { Deny = ["127.0.0.0/8", "::1"] } }),
        });
        await pair.Agent.StopAsync().Within();
        Answer answer = await pair.GetAsync(fields: Browser);
        (answer.Status, answer["Tunnel-Error"]).Should().Be((403, "access-denied"));
    }

    /// <summary>The name of a local agent is nobody's after a while; that of a token is its own.</summary>
    [Theory]
    [InlineData(true, 503, "agent-offline")]
    [InlineData(false, 404, "tunnel-not-found")]
    public async Task Page_IsShownWhileTheNameIsKnown(bool hasToken, int status, string code)
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        var token = hasToken ? await tokens.MakeAsync("laptop", "demo") : null;
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("there")), new PairOptions
        {
            State = tokens.State,
            IsTimeFake = true,
            Agent = options => options.Tunnel(tunnel => tunnel with { HasWaitingPage = true }).Link(link => link with { Token = token }),
        });
        await pair.Agent.StopAsync().Within();
        (await pair.GetAsync(fields: Browser))["Refresh"].Should().Be("2");
        await pair.PassAsync(TimeSpan.FromHours(1));
        Answer later = await pair.GetAsync(fields: Browser);
        (later.Status, later["Tunnel-Error"], later["Refresh"] is not null).Should().Be((status, code, hasToken));
    }
}

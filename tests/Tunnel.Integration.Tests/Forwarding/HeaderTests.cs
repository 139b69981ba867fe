using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Forwarding;

/// <summary>What the origin gets to see of a request, and the visitor of an answer.</summary>
public sealed class HeaderTests
{
    [Fact]
    public async Task Request_OnItsWay_SaysWhoTheVisitorIsAndNothingSpoofed()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head)));
        string seen = (await pair.GetAsync("/",
            "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\n" +
            "Forwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded_Proto: https\r\n" +
            "X-Forwarded-Ssl: evil\r\nX-Forwarded-Scheme: evil\r\nX-Forwarded-Prefix: evil\r\nX-Forwarded-Server: evil\r\n" +
            "X-Forwarded-Tls-Client-Cert-Info-Of-Whatever-Length: evil\r\nX_Forwarded.Prefix: evil\r\nClient-Cert: evil\r\nProxy: evil\r\n" +
            "Tunnel-Error: mine\r\nTunnel_Error: mine\r\nAccept: a/b\r\n")).Text;
        seen.Fields("X-Forwarded-For").Should().Equal("127.0.0.1");
        seen.Fields("X-Forwarded-Proto").Should().Equal("http");
        seen.Fields("X-Forwarded-Host").Should().Equal(TunnelPair.Name);
        seen.Fields("X-Forwarded-Port").Should().Equal($"{pair.Server.HttpPort}");
        seen.Fields("X-Real-IP").Should().Equal("127.0.0.1");
        seen.Fields("Forwarded").Should().Equal($"for=127.0.0.1;host=\"{TunnelPair.Name}\";proto=http");
        seen.Fields("Via").Should().Equal("1.1 tunnel");
        seen.Fields("Host").Should().Equal(TunnelPair.Name);
        seen.Fields("Accept").Should().Equal("a/b");
        seen.Fields("X-Request-Id").Should().ContainSingle().Which.Should().MatchRegex("^[0-9a-f]{16}$");
        seen.Should().NotContain("6.6.6.6").And.NotContain("evil").And.NotContain("_").And.NotContainEquivalentOf("Tunnel-Error");
    }

    [Fact]
    public async Task Request_WithAnIdOfItsOwn_KeepsIt()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head)));
        (await pair.GetAsync("/", "X-Request-Id: mine\r\nX_Request_Id: other\r\n")).Text.Fields("X-Request-Id").Should().Equal("mine");
    }

    [Theory]
    [InlineData("X-Request-Id: one\r\nX-Request-Id: two\r\n")]
    [InlineData("X-Request-Id: one, two\r\n")]
    [InlineData("X-Request-Id:\r\n")]
    [InlineData("X-Request-Id: \"quoted\"\r\n")]
    [InlineData("X-Request-Id: back\\slash\r\n")]
    [InlineData("X-Request-Id: \u00e9\r\n")]
    [InlineData("X-Request-Id: 12345678901234567890123456789012345678901234567890123456789012345\r\n")]
    [InlineData("Connection: X-Request-Id\r\nX-Request-Id: a b\r\n")]
    public async Task Request_WhoseIdCannotBeUsed_HasTheSameOtherEverywhere(string fields)
    {
        string? seen = null;
        using var folder = new TemporaryFolder();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin((head, _) =>
            {
                seen = string.Join('|', head.Fields("X-Request-Id"));
                return "no answer";
            }),
            new PairOptions { Server = options => options with { AccessLog = options.AccessLog with { File = folder.File("access") } } });
        Answer answer = await pair.GetAsync("/", fields);
        answer.Status.Should().Be(502);
        seen.Should().MatchRegex("^[0-9a-f]{16}$");
        answer.Text.Should().Contain($"Request: {seen}\n");
        await pair.Server.DisposeAsync();
        (await File.ReadAllTextAsync(folder.File("access"))).Should().Contain(seen);
    }

    [Fact]
    public async Task HopByHop_OfTheRequest_StaysBehindWithAllThatConnectionNames()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head)));
        string seen = (await pair.GetAsync("/",
            "Connection: keep-alive, X-Mine, Host, Via, X-Forwarded-For, Content-Length\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\n" +
            "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nTE: trailers, gzip\r\nX-Kept: 1\r\n")).Text;
        foreach (string gone in (string[])["X-Mine", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Transfer-Encoding"])
        {
            seen.Fields(gone).Should().BeEmpty(gone);
        }

        seen.Fields("TE").Should().Equal("trailers");
        seen.Fields("Connection").Should().Equal("TE");
        seen.Fields("Host").Should().Equal(TunnelPair.Name);
        seen.Fields("X-Forwarded-For").Should().Equal("127.0.0.1");
        seen.Fields("X-Kept").Should().Equal("1");
    }

    [Fact]
    public async Task HopByHop_OfTheAnswer_StaysBehindWithAllThatConnectionNames()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok(
            "x", "Connection: X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nTunnel-Error: forged\r\nTunnel_Error: forged\r\nX-Kept: 1\r\n")));
        Answer answer = await pair.GetAsync();
        answer["X-Kept"].Should().Be("1");
        answer["X-Mine"].Should().BeNull();
        answer["Keep-Alive"].Should().BeNull();
        answer["Connection"].Should().BeNull();
        answer["Tunnel-Error"].Should().BeNull();
        answer["Tunnel_Error"].Should().BeNull();
    }

    [Theory]
    [InlineData("Date")]
    [InlineData("Date, Strict-Transport-Security")]
    public async Task Answer_WhoseConnectionNamesDate_HasOneAllTheSame(string named)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x", $"Connection: {named}\r\nDate: yesterday\r\n")));
        (await pair.GetAsync())["Date"].Should().EndWith(" GMT");
    }

    [Fact]
    public async Task InterimAnswer_WithLookAlikes_LosesThem()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(
            "HTTP/1.1 103 Early Hints\r\nConnection: X-Mine\r\nX-Mine: 1\r\nTunnel_Error: forged\r\nX-Kept: 1\r\n\r\n" + Talk.Ok("x")));
        Answer hints = await pair.GetAsync();
        hints.Status.Should().Be(103);
        hints.Head.Should().Contain("X-Kept").And.NotContain("X-Mine").And.NotContain("_");
    }

    [Fact]
    public async Task Trailers_ThatConnectionNames_StayBehindInBothDirections()
    {
        string? seen = null;
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            string head = (await connection.ReadHeadAsync())!;
            (_, seen) = await connection.ReadBodyAsync(head);
            await connection.WriteAsync(
                "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Hop: 1\r\nX-Forwarded-Ssl: 1\r\nTunnel_Error: 1\r\nX-Sum: 2\r\n\r\n");
        });
        Answer answer = await pair.AskAsync(
            $"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nConnection: X-Hop\r\nTransfer-Encoding: chunked\r\n\r\n" +
            "0\r\nX-Hop: 1\r\nX-Forwarded-Ssl: on\r\nX_Forwarded_Prefix: /a\r\nProxy: x\r\nX-Sum: 3\r\n\r\n");
        answer.Trailers.Should().Be("X-Sum: 2\r\n");
        seen.Should().Be("X-Sum: 3\r\n");
    }

    [Theory]
    [InlineData("preserve", TunnelPair.Name)]
    [InlineData("app.internal", "app.internal")]
    [InlineData("origin", null)]
    public async Task Host_AsTheAgentWantsIt_ReachesTheOrigin(string hostHeader, string? expected)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin((head, _) => Talk.Ok(head)),
            new PairOptions { Agent = options => options.Tunnel(tunnel => tunnel with { HostHeader = hostHeader }) });
        string seen = (await pair.GetAsync()).Text;
        seen.Fields("Host").Should().Equal(expected ?? $"127.0.0.1:{pair.Origin.Port}");
        seen.Fields("X-Forwarded-Host").Should().Equal(TunnelPair.Name);
    }

    [Fact]
    public async Task Via_SwitchedOff_IsNotAdded()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin((head, _) => Talk.Ok(head)), new PairOptions { Agent = options => options.Tunnel(tunnel => tunnel with { Via = false }) });
        (await pair.GetAsync()).Text.Fields("Via").Should().BeEmpty();
    }

    [Fact]
    public async Task AbsoluteTarget_IsRoutedByItsAuthorityAndSentAsAPath()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head)));
        Answer answer = await pair.AskAsync($"GET http://{TunnelPair.Name}:81/x HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n");
        answer.Text.Should().StartWith("GET /x HTTP/1.1\r\n");
        answer.Text.Field("Host").Should().Be($"{TunnelPair.Name}:81");
    }

    [Fact]
    public async Task Agent_WithoutASubdomain_GetsANameThatStaysItsOwn()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin(Talk.Ok("chosen")), new PairOptions { Agent = options => options.Tunnel(tunnel => tunnel with { Subdomain = null }) });
        string name = pair.Forwarding.Grant!.Name;
        name.Should().MatchRegex("^[a-z]+-[a-z]+-[0-9]{3}\\.localhost$");
        pair.Forwarding.Grant.Url.Should().Be($"http://{name}:{pair.Server.HttpPort}");
        (await pair.AskAsync($"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n")).Text.Should().Be("chosen");
        await pair.RestartServerAsync();
        await pair.Forwarding.Times.WhenAsync(2);
        pair.Forwarding.Grant!.Name.Should().Be(name);
    }
}

using Tunnel.Integration.Tests.Pair;
using Tunnel.Server.Forwarding;

namespace Tunnel.Integration.Tests.Forwarding;

/// <summary>Who the visitor is when somebody in front of the edge may say so.</summary>
public sealed class TrustedProxyTests
{
    private const string Word =
        "X-Forwarded-For: 6.6.6.6, 203.0.113.7, 127.0.0.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: www.example.org\r\n" +
        "X-Forwarded-Port: 443\r\nForwarded: for=203.0.113.7;proto=https\r\nX-Real-IP: 6.6.6.6\r\n";

    private static PairOptions Trusting(string proxies) =>
        new() { Server = options => options with { Front = options.Front with { TrustedProxies = TrustedProxies.Parse(proxies) } } };

    [Fact]
    public async Task TrustedProxy_SpeaksForTheVisitor_AndIsContinued()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head)), Trusting("127.0.0.0/8"));
        string seen = (await pair.GetAsync("/", Word + "X-Forwarded-Prefix: /app\r\nProxy: x\r\n")).Text;
        seen.Fields("X-Forwarded-Prefix").Should().Equal("/app");
        seen.Fields("Proxy").Should().BeEmpty("nobody has a use for it but attackers");
        seen.Fields("X-Forwarded-For").Should().Equal("6.6.6.6, 203.0.113.7, 127.0.0.9, 127.0.0.1");
        seen.Fields("X-Real-IP").Should().Equal("203.0.113.7");
        seen.Fields("X-Forwarded-Proto").Should().Equal("https");
        seen.Fields("X-Forwarded-Host").Should().Equal("www.example.org");
        seen.Fields("X-Forwarded-Port").Should().Equal("443");
        seen.Fields("Forwarded").Should().Equal("for=203.0.113.7;host=\"www.example.org\";proto=https");
        seen.Fields("Host").Should().Equal(TunnelPair.Name);
    }

    [Fact]
    public async Task NameThatLooksLikeTheProxysWord_IsNotBelieved()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head)), Trusting("127.0.0.0/8"));
        string seen = (await pair.GetAsync("/",
            "X-Forwarded-Tls-Client-Cert: told\r\nX-Forwarded-Tls_Client_Cert: evil\r\nX-Forwarded-Tls.Client-Cert: evil\r\nX_Forwarded-Ssl: evil\r\n")).Text;
        seen.Fields("X-Forwarded-Tls-Client-Cert").Should().Equal("told");
        seen.Should().NotContain("evil", "proxies take out what a visitor says by their own names, and not by these");
    }

    [Fact]
    public async Task AnybodyElse_IsNotBelieved()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head)), Trusting("10.0.0.0/8"));
        string seen = (await pair.GetAsync("/", Word)).Text;
        seen.Fields("X-Forwarded-For").Should().Equal("127.0.0.1");
        seen.Fields("X-Forwarded-Proto").Should().Equal("http");
        seen.Should().NotContain("203.0.113.7").And.NotContain("www.example.org");
    }

    [Theory]
    [InlineData("X-Forwarded-Proto: wss\r\n", "X-Forwarded-Proto", "https")]
    [InlineData("X-Forwarded-Proto: WS\r\n", "X-Forwarded-Proto", "http")]
    [InlineData("X-Forwarded-Proto: HTTPS\r\n", "X-Forwarded-Proto", "https")]
    [InlineData("Forwarded: for=6.6.6.6;proto=https;host=evil\r\n", "Forwarded", "for=127.0.0.1;host=\"" + TunnelPair.Name + "\";proto=http")]
    [InlineData("X-Forwarded-For: 010.0.0.1\r\n", "X-Real-IP", "127.0.0.1")]
    [InlineData("X-Forwarded-Proto: gopher\r\n", "X-Forwarded-Proto", "http")]
    [InlineData("X-Forwarded-Proto: https, http\r\n", "X-Forwarded-Proto", "http")]
    [InlineData("X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n", "X-Forwarded-Proto", "http")]
    [InlineData("X-Forwarded-Host: a\"b\r\n", "X-Forwarded-Host", TunnelPair.Name)]
    [InlineData("X-Forwarded-Host: a, b\r\n", "X-Forwarded-Host", TunnelPair.Name)]
    [InlineData("X-Forwarded-For: rubbish\r\n", "X-Real-IP", "127.0.0.1")]
    public async Task TrustedProxy_WithAnOddWord_IsBelievedAsFarAsItCanBeRead(string fields, string name, string expected)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head)), Trusting("127.0.0.1"));
        (await pair.GetAsync("/", fields)).Text.Fields(name).Should().Equal(expected);
    }

    [Theory]
    [InlineData("for=203.0.113.7;proto=https;host=www.example.org", "203.0.113.7", "https", "www.example.org", "443")]
    [InlineData("for=\"[2001:db8::5]:47\";proto=HTTPS;host=\"www.example.org:8443\"", "2001:db8::5", "https", "www.example.org:8443", "8443")]
    [InlineData("for=6.6.6.6;host=evil, For=203.0.113.7:80;Proto=wss", "203.0.113.7", "https", TunnelPair.Name, "443")]
    [InlineData("for=203.0.113.7;proto=https, for=127.0.0.9;proto=http;host=inner", "203.0.113.7", "https", TunnelPair.Name, "443")]
    [InlineData("for=unknown;proto=https", "127.0.0.1", "https", TunnelPair.Name, "443")]
    [InlineData("for=\"x, for=203.0.113.7;proto=https", "203.0.113.7", "https", TunnelPair.Name, "443")]
    [InlineData("for=6.6.6.6;for=6.6.6.7", "127.0.0.1", "http", TunnelPair.Name, null)]
    [InlineData("for=010.0.0.1", "127.0.0.1", "http", TunnelPair.Name, null)]
    public async Task TrustedProxy_ThatSpeaksForwarded_IsBelievedInThatAlone(string forwarded, string visitor, string scheme, string host, string? port)
    {
        PairOptions options = new()
        {
            Server = server => server with { Front = server.Front with { TrustedProxies = TrustedProxies.Parse("127.0.0.0/8"), ProxyFields = ProxyFields.Forwarded } },
        };
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head)), options);
        string seen = (await pair.GetAsync("/",
            $"Forwarded: {forwarded}\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: gopher\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Prefix: evil\r\n")).Text;
        seen.Fields("X-Real-IP").Should().Equal(visitor);
        seen.Fields("X-Forwarded-For").Should().Equal(visitor == "127.0.0.1" ? visitor : $"{visitor}, 127.0.0.1");
        seen.Fields("X-Forwarded-Proto").Should().Equal(scheme);
        seen.Fields("X-Forwarded-Host").Should().Equal(host);
        seen.Fields("X-Forwarded-Port").Should().Equal(port ?? $"{pair.Server.HttpPort}");
        seen.Fields("X-Forwarded-Prefix").Should().BeEmpty();
        seen.Fields("Forwarded").Should().ContainSingle().Which.Should().EndWith($"for=127.0.0.1;host=\"{host}\";proto={scheme}");
    }

    [Fact]
    public async Task TrustedProxy_IsNotUnderTheCapOfAnAddress()
    {
        PairOptions options = Trusting("127.0.0.1") with
        {
            Server = server => server with { Front = server.Front with { TrustedProxies = TrustedProxies.Parse("127.0.0.1") }, Visitors = server.Visitors with { MaxConnectionsPerAddress = 1 } },
        };
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), options);
        using var first = await pair.VisitAsync();
        (await pair.GetAsync()).Status.Should().Be(200);
    }
}

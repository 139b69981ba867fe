using Tunnel.Integration.Tests.Pair;
using Tunnel.Server.Forwarding;

namespace Tunnel.Integration.Tests.Forwarding;

/// <summary>The two names of one site (docs/http.md, "The visible origin"). LOCAL stands for the local server's authority.</summary>
public sealed class VisibleOriginTests
{
    private const string Public = $"http://{TunnelPair.Name}";
    private const string Origin = "origin";
    private const string Preserve = "preserve";

    [Theory]
    [InlineData("Origin", Public, "http://LOCAL")]
    [InlineData("Origin", "HTTP://DEMO.localhost:80", "http://LOCAL")]
    [InlineData("Origin", "https://demo.localhost", null)]
    [InlineData("Origin", "http://demo.localhost:81", null)]
    [InlineData("Origin", "http://demo.localhost.evil.test", null)]
    [InlineData("Origin", "http://evil.test", null)]
    [InlineData("Origin", "http://a@demo.localhost", null)]
    [InlineData("Origin", Public + "/", null)]
    [InlineData("Origin", "//demo.localhost", null)]
    [InlineData("Origin", "null", null)]
    [InlineData("Origin", "http://", null)]
    [InlineData("Referer", Public + "/a?b=" + Public, "http://LOCAL/a?b=" + Public)]
    [InlineData("Referer", Public, "http://LOCAL")]
    [InlineData("Referer", "http://evil.test/" + Public, null)]
    [InlineData("Referer", "/a", null)]
    public async Task Request_ThatNamesTheTunnelItself_NamesTheLocalServer(string field, string value, string? expected)
    {
        await using TunnelPair pair = await StartAsync(Origin, (head, _) => Talk.Ok(head));
        string seen = (await pair.GetAsync("/", $"{field}: {value}\r\n")).Text;
        string local = $"127.0.0.1:{pair.Origin.Port}";
        seen.Fields(field).Should().Equal((expected ?? value).Replace("LOCAL", local, StringComparison.Ordinal));
        seen.Fields("Host").Should().Equal(local);
        seen.Fields("X-Forwarded-Host").Should().Equal(TunnelPair.Name);
    }

    [Fact]
    public async Task Request_ThatSaysItTwice_IsLeftAsItIs()
    {
        await using TunnelPair pair = await StartAsync(Origin, (head, _) => Talk.Ok(head));
        (await pair.GetAsync("/", $"Origin: {Public}\r\nOrigin: http://evil.test\r\n")).Text.Fields("Origin").Should().Equal(Public, "http://evil.test");
    }

    [Fact]
    public async Task Request_UnderThePublicName_IsLeftAsItIs()
    {
        await using TunnelPair pair = await StartAsync(Preserve, (head, _) => Talk.Ok(head));
        string seen = (await pair.GetAsync("/", $"Origin: {Public}\r\nReferer: {Public}/a\r\n")).Text;
        seen.Fields("Origin").Should().Equal(Public);
        seen.Fields("Referer").Should().Equal(Public + "/a");
    }

    [Theory]
    [InlineData(Origin, "http://LOCAL/a?b#c", Public + "/a?b#c")]
    [InlineData(Origin, "http://LOCAL", Public)]
    [InlineData(Origin, "HTTPS://LOCAL/a", Public + "/a")]
    [InlineData(Origin, "//LOCAL/a", Public + "/a")]
    [InlineData(Origin, "http://127.0.0.1/a", null)]
    [InlineData(Origin, "http://127.0.0.1:1/a", null)]
    [InlineData(Origin, "http://evil.test/http://LOCAL/", null)]
    [InlineData(Origin, "http://LOCAL@evil.test/", null)]
    [InlineData(Origin, "http://evil.test@LOCAL/", null)]
    [InlineData(Origin, "http://LOCAL.evil.test/", null)]
    [InlineData(Origin, "http://LOCAL\\a", Public + "\\a")]
    [InlineData(Origin, "ftp://LOCAL/a", null)]
    [InlineData(Origin, "/a", null)]
    [InlineData(Origin, "", null)]
    [InlineData(Preserve, "http://LOCAL/a", Public + "/a")]
    [InlineData(Preserve, "http://127.0.0.1/a", null)]
    [InlineData(Preserve, "http://localhost:1/a", null)]
    [InlineData("app.test", "http://app.test/a", Public + "/a")]
    [InlineData("app.test", "https://app.test/a", Public + "/a")]
    [InlineData("app.test", "http://app.test:81/a", null)]
    [InlineData("app.test", "http://LOCAL/a", Public + "/a")]
    public async Task Answer_ThatNamesTheLocalServer_NamesTheTunnel(string hostHeader, string location, string? expected)
    {
        await using TunnelPair pair = await StartAsync(hostHeader, (head, _) =>
            $"HTTP/1.1 302 Found\r\nLocation: {head.Field("X-Say")}\r\nContent-Location: {head.Field("X-Say")}\r\nContent-Length: 0\r\n\r\n");
        string said = location.Replace("LOCAL", $"127.0.0.1:{pair.Origin.Port}", StringComparison.Ordinal);
        Answer answer = await pair.GetAsync("/", $"X-Say: {said}\r\n");
        answer["Location"].Should().Be(expected ?? said);
        answer["Content-Location"].Should().Be(expected ?? said);
    }

    [Fact]
    public async Task Answer_ToATrustedProxy_NamesWhatTheProxySaysThePublicNameIs()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin((head, _) => $"HTTP/1.1 302 Found\r\nLocation: http://{head.Field("Host")}/a\r\nX-Seen: {head.Field("Origin")}\r\nContent-Length: 0\r\n\r\n"),
            new PairOptions
            {
                Server = options => options with { Front = options.Front with { TrustedProxies = TrustedProxies.Parse("127.0.0.1") } },
                Agent = options => options.Tunnel(tunnel => tunnel with { HostHeader = Origin }),
            });
        Answer answer = await pair.GetAsync(
            "/", "X-Forwarded-Proto: https\r\nX-Forwarded-Host: www.example.org\r\nOrigin: https://www.example.org\r\n");
        answer["Location"].Should().Be("https://www.example.org/a");
        answer["X-Seen"].Should().Be($"http://127.0.0.1:{pair.Origin.Port}");
    }

    [Theory]
    [InlineData(Origin, "a=b; Domain=127.0.0.1; Path=/", "a=b; Path=/")]
    [InlineData(Origin, "a=b; Path=/ ;domain = .127.0.0.1 ", "a=b; Path=/")]
    [InlineData(Origin, "Domain=127.0.0.1; Secure", "Domain=127.0.0.1; Secure")]
    [InlineData(Origin, "a=b; Domain=localhost", "a=b; Domain=localhost")]
    [InlineData(Origin, "a=b; Domain=evil.test; Domain=127.0.0.1", "a=b")]
    [InlineData(Origin, "a=b; Domain=127.0.0.1; Domain=demo.localhost", "a=b; Domain=127.0.0.1; Domain=demo.localhost")]
    [InlineData(Origin, "a=b; Domain=127.0.0.1; Domain=", "a=b")]
    [InlineData(Origin, "a=b; Domain", "a=b; Domain")]
    [InlineData(Preserve, "a=b; Domain=127.0.0.1", "a=b; Domain=127.0.0.1")]
    public async Task Cookie_ForTheLocalServersName_IsForItsHostAlone(string hostHeader, string cookie, string expected)
    {
        await using TunnelPair pair = await StartAsync(hostHeader, (_, _) => Talk.Ok("x", $"Set-Cookie: c=d\r\nSet-Cookie: {cookie}\r\nSet-Cookie: e=f\r\n"));
        (await pair.GetAsync()).Head.Fields("Set-Cookie").Should().Equal("c=d", expected, "e=f");
    }

    [Fact]
    public async Task Upgrade_OfAPageOfTheTunnel_IsTakenForALocalOne()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                string head = (await connection.ReadHeadAsync())!;
                bool isLocal = head.Field("Origin") == $"http://{head.Field("Host")}";
                await connection.WriteAsync(isLocal
                    ? "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSet-Cookie: a=b; Domain=127.0.0.1\r\n\r\n"
                    : "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            },
            new PairOptions { Agent = options => options.Tunnel(tunnel => tunnel with { HostHeader = Origin }) });
        string upgrade = $"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: ";
        (await pair.AskAsync($"{upgrade}http://evil.test\r\n\r\n")).Status.Should().Be(403);
        Answer answer = await pair.AskAsync($"{upgrade}{Public}\r\n\r\n");
        answer.Status.Should().Be(101);
        answer["Set-Cookie"].Should().Be("a=b");
    }

    private static Task<TunnelPair> StartAsync(string hostHeader, Func<string, byte[], string> answer) =>
        TunnelPair.StartAsync(Talk.Origin(answer), new PairOptions { Agent = options => options.Tunnel(tunnel => tunnel with { HostHeader = hostHeader }) });
}

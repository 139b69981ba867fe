using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Heads;

public class UrlOriginTests
{
    [Theory]
    [InlineData("http://a.test", "http", "a.test", null, 13)]
    [InlineData("https://a.test:8443/b", "https", "a.test", 8443, 19)]
    [InlineData("HTTP://A.Test.?b", "HTTP", "A.Test", null, 14)]
    [InlineData("http://[::1]:80#x", "http", "[::1]", 80, 15)]
    [InlineData("//a.test\\b", "", "a.test", null, 8)]
    public void Origin_OfAUrl_IsRead(string text, string scheme, string host, int? port, int length)
    {
        UrlOrigin.TryRead(Verdict.Bytes.GetBytes(text), out UrlOrigin origin).Should().BeTrue();
        Verdict.Bytes.GetString(origin.Scheme).Should().Be(scheme);
        Verdict.Bytes.GetString(origin.Host).Should().Be(host);
        origin.Port.Should().Be(port);
        origin.Length.Should().Be(length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("/a")]
    [InlineData("/a//b.test")]
    [InlineData("a.test")]
    [InlineData("http:/a.test")]
    [InlineData("http:///a")]
    [InlineData("ws://a.test")]
    [InlineData("ftp://a.test")]
    [InlineData("http://b@a.test")]
    [InlineData("http://a.test:x")]
    [InlineData("http://a.test:99999")]
    [InlineData("http://a b")]
    [InlineData("xhttp://a.test")]
    public void Text_WithoutSuchAnOrigin_IsNone(string text) =>
        UrlOrigin.TryRead(Verdict.Bytes.GetBytes(text), out _).Should().BeFalse();

    [Theory]
    [InlineData("http://a.test", 80, true)]
    [InlineData("https://a.test", 443, true)]
    [InlineData("https://a.test", 80, false)]
    [InlineData("//a.test", 80, true)]
    [InlineData("http://A.TEST:8080", 8080, true)]
    [InlineData("http://b.test", 80, false)]
    public void Origin_NamesItsHostAndPort(string text, int port, bool isNamed)
    {
        UrlOrigin.TryRead(Verdict.Bytes.GetBytes(text), out UrlOrigin origin).Should().BeTrue();
        origin.Names("a.test"u8, port).Should().Be(isNamed);
    }
}

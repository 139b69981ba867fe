using Tunnel.Hosting;

namespace Tunnel.Agent.Tests;

public sealed class HostAndPortTests
{
    [Theory]
    [InlineData("tunnel.com", "tunnel.com", 9090)]
    [InlineData("tunnel.com:443", "tunnel.com", 443)]
    [InlineData("10.0.0.1", "10.0.0.1", 9090)]
    [InlineData("10.0.0.1:1", "10.0.0.1", 1)]
    [InlineData("::1", "::1", 9090)]
    [InlineData("[::1]", "::1", 9090)]
    [InlineData("[::1]:65535", "::1", 65535)]
    [InlineData("2001:db8::5", "2001:db8::5", 9090)]
    public void Address_OfThatForm_IsRead(string text, string host, int port)
    {
        HostAndPort.TryParse(text, 9090, out string readHost, out int readPort).Should().BeTrue();
        readHost.Should().Be(host);
        readPort.Should().Be(port);
    }

    [Theory]
    [InlineData("")]
    [InlineData(":9090")]
    [InlineData("tunnel.com:")]
    [InlineData("tunnel.com:0")]
    [InlineData("tunnel.com:65536")]
    [InlineData("tunnel.com:+80")]
    [InlineData("tunnel.com: 80")]
    [InlineData("tunnel.com:port")]
    [InlineData("http://tunnel.com")]
    [InlineData("a b")]
    [InlineData("[::1")]
    [InlineData("tunnel.com/path")]
    public void Address_OfAnotherForm_IsNone(string text) =>
        HostAndPort.TryParse(text, 9090, out _, out _).Should().BeFalse();
}

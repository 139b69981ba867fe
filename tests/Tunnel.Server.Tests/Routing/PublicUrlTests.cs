using Tunnel.Framing.Frames;
using Tunnel.Server.Agents;
using Tunnel.Server.Forwarding;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Tests.Routing;

public sealed class PublicUrlTests
{
    [Theory]
    [InlineData("https://tunnel.com", "https://demo.tunnel.com")]
    [InlineData("https://Tunnel.com/", "https://demo.tunnel.com")]
    [InlineData("https://tunnel.com:8443", "https://demo.tunnel.com:8443")]
    [InlineData("http://tunnel.com:8080", "http://demo.tunnel.com:8080")]
    [InlineData("http://tunnel.com:80", "http://demo.tunnel.com")]
    public void Name_BehindAFront_IsAnnouncedAsVisitorsTypeIt(string front, string url) =>
        AddressesOf(front).UrlOf("demo.tunnel.com", TunnelTypes.Http).Should().Be(url);

    [Fact]
    public void Grant_BehindAFront_SaysSo() =>
        AddressesOf("https://tunnel.com").GrantOf(1, "demo.tunnel.com", TunnelTypes.Http).HasFront.Should().BeTrue();

    [Fact]
    public void ReadyLine_BehindAFront_NamesTheFrontAlone() =>
        AddressesOf("https://tunnel.com").UrlsOf("*.tunnel.com").Should().Equal("https://*.tunnel.com");

    [Theory]
    [InlineData("https://tunnel.com:8443", "https://demo.tunnel.com:8443")]
    [InlineData("http://tunnel.com", "https://demo.tunnel.com:9443")]
    public void PassthroughName_BehindAFront_StaysHttps(string front, string url) =>
        AddressesOf(front).UrlOf("demo.tunnel.com", TunnelTypes.Tls).Should().Be(url);

    [Fact]
    public void Redirect_BehindAMappingOfPorts_LeadsToTheOutside() =>
        new EntryRules(OptionsOf("https://tunnel.com"), httpsPort: 8443).PortSuffix.Should().BeEmpty();

    private static TunnelAddresses AddressesOf(string front) => new(OptionsOf(front), null!) { HttpPort = 8076, HttpsPort = 9443 };

    private static ServerOptions OptionsOf(string front) => new() { Domain = "tunnel.com", Front = new FrontOptions { PublicUrl = PublicUrl.TryParse(front) } };
}

using Tunnel.Framing.Frames;
using Tunnel.Server.Agents;

namespace Tunnel.Server.Tests.Agents;

public sealed class TunnelAddressesTests
{
    private const string Covered = "demo.tunnel.test";

    [Theory]
    [InlineData(Covered, TunnelTypes.Http, "https://demo.tunnel.test:8443", false)]
    [InlineData("www.example.org", TunnelTypes.Http, "http://www.example.org:8000", true)]
    [InlineData("www.example.org", TunnelTypes.Tls, "https://www.example.org:8443", false)]
    public void UrlOf_ANameWithOrWithoutACertificate_IsOneThatClientsTake(string name, string type, string url, bool lacks)
    {
        var addresses = new TunnelAddresses(new ServerOptions(), null!)
        {
            HttpPort = 8000,
            HttpsPort = 8443,
            TerminatesTls = true,
            HasCertificateFor = asked => asked == Covered,
        };

        addresses.UrlOf(name, type).Should().Be(url);
        addresses.LacksCertificate(name, type).Should().Be(lacks);
    }
}

using System.Net;
using Tunnel.Agent.Console;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Frames;

namespace Tunnel.Agent.Tests.Console;

public sealed class ForwardingLineTests
{
    private static readonly IPEndPoint Local = new(IPAddress.Loopback, 9090);
    private static readonly TunnelOptions At8080 = new() { Origin = new OriginOptions { Port = 8080 } };
    private static readonly IPEndPoint Far = new(IPAddress.Parse("192.0.2.7"), 9090);

    [Fact]
    public async Task Tunnel_ThatIsUp_IsTold() =>
        (await TellAsync(At8080, Local, "http://demo.localhost:8000"))
            .Should().Be("Forwarding http://demo.localhost:8000 -> http://localhost:8080\n");

    [Fact]
    public async Task Tunnel_ThatIsUpAgain_IsNotToldTwice() =>
        (await TellAsync(At8080, Local, "http://a.localhost", "http://a.localhost", "http://b.localhost"))
            .Should().Be("Forwarding http://a.localhost -> http://localhost:8080\nForwarding http://b.localhost -> http://localhost:8080\n");

    [Fact]
    public async Task Name_ThatLeadsElsewhere_ComesWithACommandThatWorks() =>
        (await TellAsync(At8080, Far, "http://demo.localhost:8000"))
            .Should().Contain("Try: curl --resolve demo.localhost:8000:192.0.2.7 http://demo.localhost:8000/\n");

    [Fact]
    public async Task Name_WithACertificateOfTheServersOwn_ComesWithACommandThatTakesIt()
    {
        using var output = new StringWriter { NewLine = "\n" };
        await using (var line = new ForwardingLine(output, output))
        {
            line.OnForwarding(At8080, new TunnelGrant(1, "demo.localhost", "https://demo.localhost:8443") { SelfSigned = true }, Far);
        }

        output.ToString().Should().Contain("Try: curl -k --resolve demo.localhost:8443:192.0.2.7 https://demo.localhost:8443/\n");
    }

    [Fact]
    public async Task Name_ThatOnlyTheProxyLooksUp_ComesWithoutAdvice() =>
        (await TellAsync(At8080, null, "http://demo.localhost:8000"))
            .Should().Be("Forwarding http://demo.localhost:8000 -> http://localhost:8080\n");

    [Fact]
    public async Task Name_ThatLeadsToAFront_ComesWithoutAdvice()
    {
        using var output = new StringWriter { NewLine = "\n" };
        await using (var line = new ForwardingLine(output, output))
        {
            line.OnForwarding(At8080, new TunnelGrant(1, "demo.localhost", "https://demo.localhost") { HasFront = true }, new IPEndPoint(IPAddress.Parse("192.0.2.7"), 9090));
        }

        output.ToString().Should().Be("Forwarding https://demo.localhost -> http://localhost:8080\n");
    }

    [Fact]
    public async Task Origin_WithAnIPv6Address_IsBracketed() =>
        (await TellAsync(new TunnelOptions { Origin = new OriginOptions { Port = 8080, Host = "::1" } }, Local, "http://a.localhost"))
            .Should().EndWith("-> http://[::1]:8080\n");

    [Fact]
    public async Task Url_OfAHostileServer_IsMadePrintable() =>
        (await TellAsync(At8080, Local, "http://a\u001b[2J.localhost")).Should().NotContain("\u001b");

    [Fact]
    public async Task Output_ThatIsGone_HarmsNobody()
    {
        await using var line = new ForwardingLine(new BrokenWriter(), TextWriter.Null);
        line.OnForwarding(At8080, new TunnelGrant(1, "a", "http://a.localhost"), Local);
    }

    private static async Task<string> TellAsync(TunnelOptions tunnel, IPEndPoint? server, params string[] urls)
    {
        using var output = new StringWriter { NewLine = "\n" };
        await using (var line = new ForwardingLine(output, output))
        {
            foreach (string url in urls)
            {
                line.OnForwarding(tunnel, new TunnelGrant(1, "name", url), server);
            }
        }

        return output.ToString();
    }

    private sealed class BrokenWriter : StringWriter
    {
        public override Task WriteLineAsync(string? value) => throw new IOException("gone");
    }
}

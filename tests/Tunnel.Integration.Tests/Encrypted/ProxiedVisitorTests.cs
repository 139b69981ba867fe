using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Tunnel.Integration.Tests.Pair;
using Tunnel.Server.Forwarding;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Encrypted;

/// <summary>Visitors behind a load balancer that speaks the PROXY protocol, on the ports of HTTP and HTTPS.</summary>
public sealed class ProxiedVisitorTests : IDisposable
{
    private const string Header = "PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\r\n";
    private const string Name = "demo.tunnel.test";
    private readonly CertificateFolder _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task Visitor_OverPlainHttp_IsWhomTheHeaderNames()
    {
        await using TunnelPair pair = await StartAsync("127.0.0.0/8");
        Answer answer = await pair.AskAsync($"{Header}GET / HTTP/1.1\r\nHost: {Name}\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n");
        answer.Text.Should().Be("203.0.113.7", "the header is about the connection; a field of the visitor's own is not believed");
    }

    [Fact]
    public async Task Visitor_OverTls_IsWhomTheHeaderNames()
    {
        await using TunnelPair pair = await StartAsync("127.0.0.0/8");
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, pair.Server.HttpsPort!.Value);
        await socket.SendAsync(Encoding.ASCII.GetBytes(Header));
        await using var tls = new SslStream(new NetworkStream(socket, ownsSocket: false));
        await tls.AuthenticateAsClientAsync(_files.Authority.ClientOptions(Name)).Within();
        await tls.WriteAsync(Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: {Name}\r\nConnection: close\r\n\r\n"));
        using var all = new MemoryStream();
        await tls.CopyToAsync(all).Within();
        Encoding.ASCII.GetString(all.ToArray()).Should().EndWith("203.0.113.7");
    }

    [Fact]
    public async Task Proxy_WithoutItsHeader_IsClosedOnBothPorts()
    {
        await using TunnelPair pair = await StartAsync("127.0.0.0/8");
        foreach (int port in new[] { pair.Server.HttpPort, pair.Server.HttpsPort!.Value })
        {
            using ScriptedConnection proxy = await ScriptedConnection.ConnectAsync(port);
            await proxy.WriteAsync($"GET / HTTP/1.1\r\nHost: {Name}\r\n\r\n");
            await FluentActions.Awaiting(() => proxy.ReadToEndAsync().Within()).Should().ThrowAsync<IOException>();
        }

        pair.Origin.Accepted.Count.Should().Be(0);
    }

    [Fact]
    public async Task Visitor_UntrustedThatSendsAHeader_IsRefusedOnBothPorts()
    {
        await using TunnelPair pair = await StartAsync("192.0.2.0/24");
        foreach (int port in new[] { pair.Server.HttpPort, pair.Server.HttpsPort!.Value })
        {
            using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(port);
            await visitor.WriteAsync($"{Header}GET / HTTP/1.1\r\nHost: {Name}\r\n\r\n");
            (await visitor.ReadAnswerAsync().Within()).Status.Should().Be(400);
        }

        pair.Origin.Accepted.Count.Should().Be(0);
        (await pair.AskAsync($"GET / HTTP/1.1\r\nHost: {Name}\r\n\r\n")).Text.Should().Be("127.0.0.1");
    }

    private Task<TunnelPair> StartAsync(string trusted)
    {
        (string cert, string key) = _files.Write("wildcard", "*.tunnel.test");
        return TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head.Field("X-Forwarded-For")!)), new PairOptions
        {
            Server = options => options with
            { Domain = "tunnel.test", Listen = options.Listen with { HttpsPort = 0 }, Tls = options.Tls with { Certs = [cert], Keys = [key] }, Front = options.Front with { AcceptsProxyProtocol = true, TrustedProxies = TrustedProxies.Parse(trusted) } },
        });
    }
}

using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Tunnel.Agent;
using Tunnel.Agent.Link;
using Tunnel.Hosting.Secrets;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Identity;

/// <summary>The way through a proxy, and what is said when it is named by the wrong kind of address. Real ones: drill identity.</summary>
public sealed class ProxyTests
{
    [Fact]
    public async Task Agent_BehindAProxy_DoesNotTakeTheProxyForTheServer()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop", "demo");
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin(Talk.Ok("hello")), new PairOptions { State = tokens.State, Agent = options => options.Link(link => link with { Token = token }) });
        pair.Forwarding.Server.Should().Be(new IPEndPoint(IPAddress.Loopback, pair.Server.AgentPort));
        await pair.Agent.StopAsync().Within();
        await using ScriptedOrigin proxy = new(async agent =>
        {
            await agent.ReadHeadAsync();
            using ScriptedConnection server = await ScriptedConnection.ConnectAsync(pair.Server.AgentPort);
            await agent.WriteAsync("HTTP/1.1 200 OK\r\n\r\n");
            await Task.WhenAny(LinkRelay.CopyAsync(agent, server), LinkRelay.CopyAsync(server, agent));
        });
        var forwarding = new ForwardingSignal();

        await using AgentHost agent = pair.StartAgent(forwarding, options => options.Link(link => link with { Proxy = At("http", proxy.Port) }));

        await forwarding.Times.WhenAsync(1);
        forwarding.Server.Should().BeNull("only the proxy knows");
        (await pair.GetAsync()).Text.Should().Be("hello");
    }

    [Fact]
    public async Task Proxy_ThatNobodyVouchesFor_IsRefusedWithWhatToDo_AndHearsNoCredentials()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 made = new CertificateRequest("CN=proxy", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, new DateTimeOffset(2100, 1, 1, 0, 0, 0, TimeSpan.Zero));
        using X509Certificate2 certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        var heard = new TaskCompletionSource<int>();
        await using ScriptedOrigin proxy = new(async agent =>
        {
            await using var tls = new SslStream(new NetworkStream(agent.Socket, ownsSocket: false));
            Exception? end = await Record.ExceptionAsync(() => tls.AuthenticateAsServerAsync(certificate));
            heard.TrySetResult(end is null ? await ReadOrNothingAsync(tls) : 0);
        });

        await SaysAsync(At("https", proxy.Port), "The encrypted connection to the proxy", "Add the proxy's authority to those of this system");

        (await heard.Task.Within()).Should().Be(0);
    }

    [Fact]
    public async Task Proxy_WithoutTlsOfItsOwn_NamedByHttps_IsTold()
    {
        await using ScriptedOrigin proxy = new(async agent =>
        {
            await agent.ReadSomeAsync();
            await agent.WriteAsync("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        });

        await SaysAsync(At("https", proxy.Port), "The encrypted connection to the proxy", "HTTPS_PROXY takes http:// in front of its name");
    }

    [Fact]
    public async Task Proxy_WithTlsOfItsOwn_NamedByHttp_IsTold()
    {
        // What a TLS server says to what is no ClientHello: the alert unexpected_message.
        byte[] alert = [0x15, 3, 3, 0, 2, 2, 10];
        await using ScriptedOrigin proxy = new(async agent =>
        {
            await agent.ReadSomeAsync();
            await agent.WriteAsync(alert);
        });

        await SaysAsync(At("http", proxy.Port), "does not answer like an HTTP proxy", "HTTPS_PROXY takes https:// in front of its name");
    }

    [Theory]
    [InlineData("user", "user:")]
    [InlineData("user:", "user:")]
    [InlineData("user:pa%3Ass", "user:pa:ss")]
    public async Task Proxy_NamedWithWhoAsks_HearsNameAndPassword(string given, string heard)
    {
        var asked = new TaskCompletionSource<string?>();
        await using ScriptedOrigin proxy = new(async agent => asked.TrySetResult(await agent.ReadHeadAsync()));
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions { HasAgent = false });
        await using AgentHost agent = pair.StartAgent(
            new ForwardingSignal(), options => options.Link(link => link with { Proxy = HttpProxy.Parse($"http://{given}@127.0.0.1:{proxy.Port}", out _) }));

        (await asked.Task.Within()).Should().Contain($"Proxy-Authorization: Basic {Convert.ToBase64String(Encoding.ASCII.GetBytes(heard))}\r\n");
    }

    [Theory]
    [InlineData("Content-Length: 5\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n")]
    [InlineData("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n")]
    public async Task Proxy_ThatFramesItsYes_IsTakenAtItsYes(string fields)
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop", "demo");
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin(Talk.Ok("hello")), new PairOptions { State = tokens.State, HasAgent = false, Agent = options => options.Link(link => link with { Token = token }) });
        await using ScriptedOrigin proxy = new(async agent =>
        {
            await agent.ReadHeadAsync();
            using ScriptedConnection server = await ScriptedConnection.ConnectAsync(pair.Server.AgentPort);
            await agent.WriteAsync($"HTTP/1.1 200 OK\r\n{fields}\r\n");
            await Task.WhenAny(LinkRelay.CopyAsync(agent, server), LinkRelay.CopyAsync(server, agent));
        });
        var forwarding = new ForwardingSignal();

        await using AgentHost agent = pair.StartAgent(forwarding, options => options.Link(link => link with { Proxy = At("http", proxy.Port) }));

        await forwarding.Times.WhenAsync(1);
    }

    [Fact]
    public async Task Proxy_ThatIsNotThere_IsNotTakenForTheServer() =>
        await SaysAsync(At("http", FreePort.Find()), "The proxy in HTTPS_PROXY cannot be reached", "NO_PROXY", "[proxy-unreachable]");

    private static async Task SaysAsync(HttpProxy proxy, params string[] parts)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions { HasAgent = false });
        await using AgentHost agent = pair.StartAgent(new ForwardingSignal(), options => options.Link(link => link with { Proxy = proxy }));

        await Eventually.TrueAsync(
            () => pair.Log.Any(line => parts.All(part => line.Contains(part, StringComparison.Ordinal))), what: string.Join(" … ", parts));

        pair.Log.Should().NotContain(line => line.Contains("secret", StringComparison.Ordinal));
        agent.Exited.IsCompleted.Should().BeFalse("a proxy can be mended while the agent goes on trying");
    }

    private static async Task<int> ReadOrNothingAsync(SslStream tls)
    {
        try
        {
            return await tls.ReadAsync(new byte[1]);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static HttpProxy At(string scheme, int port) => HttpProxy.Parse($"{scheme}://user:secret@127.0.0.1:{port}", out _)!;
}

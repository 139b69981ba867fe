using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tunnel.Agent;
using Tunnel.Agent.Connection;
using Tunnel.Agent.Link;
using Tunnel.Hosting.Secrets;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Identity;

/// <summary>What somebody gets who has nothing to show, or not for what he asks.</summary>
public sealed class StrangerTests
{
    [Fact]
    public async Task Agent_WithoutATokenAtAServerNobodyVouchesFor_EndsAndSaysToLogIn()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin(Talk.Ok("hello")), new PairOptions { State = tokens.State, HasAgent = false });

        // A link through a proxy is encrypted, on one machine as well.
        await using ScriptedOrigin proxy = new(async agent =>
        {
            await agent.ReadHeadAsync();
            using ScriptedConnection server = await ScriptedConnection.ConnectAsync(pair.Server.AgentPort);
            await agent.WriteAsync("HTTP/1.1 200 OK\r\n\r\n");
            await Task.WhenAny(LinkRelay.CopyAsync(agent, server), LinkRelay.CopyAsync(server, agent));
        });
        await using AgentHost agent = pair.StartAgent(
            new ForwardingSignal(), options => options.Link(link => link with { Proxy = HttpProxy.Parse($"http://127.0.0.1:{proxy.Port}", out _) }));

        (await agent.Exited.Within()).Should().Be(AgentExit.TokenRefused);

        pair.Log.Should().Contain(line => line.Contains("This agent does not trust the server") && line.Contains("Log in with a token")
            && line.Contains("tunnel-server token create") && line.Contains("tunnel-agent login") && line.EndsWith("[server-not-trusted]", StringComparison.Ordinal));
        pair.Log.Should().NotContain(line => line.Contains("The server refused"), "it was the agent that did");
    }

    [Fact]
    public async Task Server_WhoseCertificateSpeaksToTheTerminal_IsQuotedInPrintableCharacters()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 made = new CertificateRequest("CN=\u001b[31mred", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, new DateTimeOffset(2100, 1, 1, 0, 0, 0, TimeSpan.Zero));
        using X509Certificate2 certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions { HasAgent = false });
        await using ScriptedOrigin proxy = new(async agent =>
        {
            await agent.ReadHeadAsync();
            await agent.WriteAsync("HTTP/1.1 200 OK\r\n\r\n");
            await using var tls = new SslStream(new NetworkStream(agent.Socket, ownsSocket: false));
            await Record.ExceptionAsync(() => tls.AuthenticateAsServerAsync(certificate));
        });
        await using AgentHost agent = pair.StartAgent(
            new ForwardingSignal(), options => options.Link(link => link with { Proxy = HttpProxy.Parse($"http://127.0.0.1:{proxy.Port}", out _) }));
        await agent.Exited.Within();

        pair.Log.Should().Contain(line => line.Contains("[31mred"));
        pair.Log.Should().NotContain(line => line.Contains('\u001b'));
    }

    [Fact]
    public async Task Agent_ThatMayNotHaveAPort_DoesNotOpenIt()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop", "demo");
        int port = FreePort.Find();
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions
        {
            State = tokens.State,
            HasAgent = false,
            Server = options => options with { Listen = options.Listen with { TcpPorts = (port, port) } },
            Agent = options => options.Tunnel(tunnel => tunnel with { Protocol = "tcp", Subdomain = null }).Link(link => link with { Token = token }),
        });

        foreach (int? wanted in new int?[] { port, null })
        {
            await using AgentHost agent = pair.StartAgent(new ForwardingSignal(), options => options.Tunnel(tunnel => tunnel with { RemotePort = wanted }));
            (await agent.Exited.Within()).Should().Be(AgentExit.NameRefused);

            using var visitor = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await FluentActions.Awaiting(() => visitor.ConnectAsync(IPAddress.Loopback, port)).Should().ThrowAsync<SocketException>();
        }

        pair.Log.Should().Contain(line => line.Contains("The token 'laptop' may use demo"));
    }

    [Fact]
    public async Task Token_WithAllTheSessionsItMayHave_LeavesRoomForOthers()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken one = await tokens.MakeAsync("one", "a-*");
        AgentToken other = await tokens.MakeAsync("other", "b-*");
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions
        {
            State = tokens.State,
            HasAgent = false,
            Server = options => options with { Agents = options.Agents with { MaxSessionsPerIdentity = 1 } },
        });
        var up = new ForwardingSignal();
        await using AgentHost first = pair.StartAgent(up, options => options.Tunnel(tunnel => tunnel with { Subdomain = "a-1" }).Link(link => link with { Token = one }));
        await up.Times.WhenAsync(1);

        await using AgentHost second = pair.StartAgent(new ForwardingSignal(), options => options.Tunnel(tunnel => tunnel with { Subdomain = "a-2" }).Link(link => link with { Token = one }));
        await Eventually.TrueAsync(() => pair.Log.Any(line => line.Contains("The token 'one' has 1 sessions already")));
        await using AgentHost third = pair.StartAgent(up, options => options.Tunnel(tunnel => tunnel with { Subdomain = "b-1" }).Link(link => link with { Token = other }));
        await up.Times.WhenAsync(2);

        second.IsConnected.Should().BeFalse();
    }
}

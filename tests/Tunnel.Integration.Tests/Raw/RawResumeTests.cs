using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tunnel.Agent;
using Tunnel.Agent.Connection;
using Tunnel.Integration.Tests.Encrypted;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Raw;

/// <summary>A lost link is a pause for connections that are not HTTP as well.</summary>
public sealed class RawResumeTests
{
    private const string Name = "demo.tunnel.test";
    private const int Part = 256 * 1024;
    private const int Cuts = 3;

    [Fact]
    public async Task TcpConnection_AcrossManyCuts_GoesOnBothWaysAndEndsByHalves()
    {
        int port = FreePort.Find();
        await using TunnelPair pair = await TunnelPair.StartAsync(EchoAsync, new PairOptions
        {
            HasAgent = false,
            Server = options => options with { Listen = options.Listen with { TcpPorts = (port, port) } },
            Agent = options => options.Tunnel(tunnel => tunnel with { Protocol = "tcp", Subdomain = null }),
        });
        await using var relay = new LinkRelay(() => pair.Server.AgentPort);
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding, options => options.Link(link => link with { Port = relay.Port }));
        await forwarding.Times.WhenAsync(1);
        using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(port);

        for (int cut = 0; cut < Cuts; cut++)
        {
            byte[] part = RandomNumberGenerator.GetBytes(Part);
            Task writing = visitor.WriteAsync(part);
            byte[] first = await visitor.ReadExactlyAsync(Part / 4).Within();
            await relay.CutAsync(agent);
            byte[] rest = await visitor.ReadExactlyAsync(Part - first.Length).Within();
            await writing.Within();
            first.Concat(rest).SequenceEqual(part).Should().BeTrue("part {0} arrives once and in order", cut);
        }

        await visitor.WriteAsync("the end");
        visitor.EndSending();
        await relay.CutAsync(agent);
        (await visitor.ReadToEndAsync().Within()).Should().Equal("the end"u8.ToArray());
        AssertIsOne(pair, relay, forwarding);
    }

    [Fact]
    public async Task TcpVisitor_WhileTheLinkIsDown_WaitsForIt()
    {
        int port = FreePort.Find();
        await using TunnelPair pair = await TunnelPair.StartAsync(EchoAsync, new PairOptions
        {
            HasAgent = false,
            Server = options => options with { Listen = options.Listen with { TcpPorts = (port, port) } },
            Agent = options => options.Tunnel(tunnel => tunnel with { Protocol = "tcp", Subdomain = null }),
        });
        await using var relay = new LinkRelay(() => pair.Server.AgentPort);
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding, options => options.Link(link => link with { Port = relay.Port }));
        await forwarding.Times.WhenAsync(1);
        relay.Close();
        await Eventually.TrueAsync(() => agent.Status.State != AgentState.Connected);
        using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(port);
        await visitor.WriteAsync("early");
        await Eventually.TrueAsync(() => pair.Server.Held == 1);

        relay.Open();

        (await visitor.ReadExactlyAsync(5).Within()).Should().Equal("early"u8.ToArray());
        visitor.EndSending();
        (await visitor.ReadToEndAsync().Within()).Should().BeEmpty();
    }

    [Fact]
    public async Task PassthroughConnection_AcrossManyCuts_StaysOneTlsSession()
    {
        using var files = new CertificateFolder();
        using X509Certificate2 own = files.Authority.Issue(Name);
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await using var tls = new SslStream(new NetworkStream(connection.Socket, ownsSocket: false));
                await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = own });
                byte[] buffer = new byte[16 * 1024];
                for (int bytes; (bytes = await tls.ReadAsync(buffer)) > 0;)
                {
                    await tls.WriteAsync(buffer.AsMemory(0, bytes));
                }
            },
            new PairOptions
            {
                HasAgent = false,
                Server = options => options with { Domain = "tunnel.test", Listen = options.Listen with { HttpsPort = 0 } },
                Agent = options => options.Tunnel(tunnel => tunnel with { Protocol = "tls" }),
            });
        await using var relay = new LinkRelay(() => pair.Server.AgentPort);
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding, options => options.Link(link => link with { Port = relay.Port }));
        await forwarding.Times.WhenAsync(1);

        using (SecureVisitor visitor = await SecureVisitor.ConnectAsync(pair.Server.HttpsPort!.Value, files.Authority, Name))
        {
            for (int cut = 0; cut < Cuts; cut++)
            {
                byte[] part = RandomNumberGenerator.GetBytes(Part);
                byte[] echo = new byte[Part];
                Task writing = visitor.Stream.WriteAsync(part).AsTask();
                await visitor.Stream.ReadExactlyAsync(echo.AsMemory(0, Part / 4)).AsTask().Within();
                await relay.CutAsync(agent);
                await visitor.Stream.ReadExactlyAsync(echo.AsMemory(Part / 4)).AsTask().Within();
                await writing.Within();
                echo.AsSpan().SequenceEqual(part).Should().BeTrue("part {0} arrives once and in order", cut);
            }
        }

        AssertIsOne(pair, relay, forwarding);
    }

    private static void AssertIsOne(TunnelPair pair, LinkRelay relay, ForwardingSignal forwarding)
    {
        forwarding.Times.Count.Should().Be(1, "it was one session all the time");
        relay.Links.Count.Should().BeGreaterThan(1);
        pair.Origin.Accepted.Count.Should().Be(1, "it was one connection all the time");
    }

    private static async Task EchoAsync(ScriptedConnection origin)
    {
        while (await origin.ReadSomeAsync() is { Length: > 0 } some)
        {
            await origin.WriteAsync(some);
        }

        origin.EndSending();
    }
}

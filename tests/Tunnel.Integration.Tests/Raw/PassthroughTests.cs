using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Tunnel.Agent;
using Tunnel.Integration.Tests.Agents;
using Tunnel.Integration.Tests.Encrypted;
using Tunnel.Integration.Tests.Pair;
using Tunnel.Server;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Raw;

/// <summary>TLS that the server routes by SNI and never opens.</summary>
public sealed class PassthroughTests : IDisposable
{
    private const string Terminated = "plain.tunnel.test";
    private const string Name = "demo.tunnel.test";
    private readonly CertificateFolder _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task Visitor_SeesTheOriginsOwnCertificate_BesideTerminatedNamesOnOnePort()
    {
        using X509Certificate2 own = _files.Authority.Issue(Name);
        await using TunnelPair pair = await StartAsync(TlsOrigin(own));
        pair.Forwarding.Grant!.Url.Should().Be($"https://{Name}:{pair.Server.HttpsPort}");
        await using ScriptedOrigin http = new(Talk.Origin(Talk.Ok("terminated")));
        var up = new ForwardingSignal();
        await using AgentHost second = pair.StartAgent(up, options => options.Tunnel(tunnel => tunnel with { Protocol = "http", Subdomain = "plain" }).Origin(origin => origin with { Port = http.Port }));
        await up.Times.WhenAsync(1);

        using SecureVisitor passed = await VisitAsync(pair, Name);
        passed.Certificate.Subject.Should().Be($"CN={Name}");
        await passed.Stream.WriteAsync("echo me"u8.ToArray());
        byte[] echo = new byte[7];
        await passed.Stream.ReadExactlyAsync(echo).AsTask().Within();
        echo.Should().Equal("echo me"u8.ToArray());

        using SecureVisitor terminated = await VisitAsync(pair, Terminated);
        terminated.Certificate.Subject.Should().Be("CN=*.tunnel.test");
        (await terminated.AskAsync($"GET / HTTP/1.1\r\nHost: {Terminated}\r\n\r\n")).Should().EndWith("terminated");
    }

    [Fact]
    public async Task PassthroughName_ByHttpOrTerminatedTls_IsNotReached()
    {
        using X509Certificate2 own = _files.Authority.Issue(Name);
        await using TunnelPair pair = await StartAsync(TlsOrigin(own));
        Answer plain = await pair.AskAsync($"GET / HTTP/1.1\r\nHost: {Name}\r\n\r\n");
        plain.Status.Should().Be(421);
        plain["Tunnel-Error"].Should().Be("https-only");
        plain.Text.Should().Contain("HTTPS only");

        // Without SNI the edge terminates, and Host decides: but not for a name that is not its to open.
        using SecureVisitor visitor = await VisitAsync(pair, "127.0.0.1", options => options.RemoteCertificateValidationCallback = (_, _, _, _) => true);
        (await visitor.AskAsync($"GET / HTTP/1.1\r\nHost: {Name}\r\n\r\n")).Should().StartWith("HTTP/1.1 421");
        pair.Origin.Accepted.Count.Should().Be(0);
    }

    [Fact]
    public async Task Handshake_ThatNamesThePort_IsPassedOnByTheName()
    {
        byte[] hello = HandmadeHello.For($"{Name}:8443");
        var got = new TaskCompletionSource<byte[]>();
        await using TunnelPair pair = await StartAsync(async connection => got.SetResult(await connection.ReadExactlyAsync(hello.Length)));
        using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(pair.Server.HttpsPort!.Value);
        await visitor.WriteAsync(hello);
        (await got.Task.Within()).Should().Equal(hello);
    }

    [Fact]
    public async Task ClientCertificate_PassesThrough()
    {
        using X509Certificate2 own = _files.Authority.Issue(Name);
        using X509Certificate2 mine = _files.Authority.Issue("the visitor");
        await using TunnelPair pair = await StartAsync(TlsOrigin(own, asksForCertificate: true));
        using SecureVisitor visitor = await VisitAsync(pair, Name, options => options.ClientCertificates = [mine]);
        byte[] seen = new byte["CN=the visitor".Length];
        await visitor.Stream.WriteAsync(new byte[1]);
        await visitor.Stream.ReadExactlyAsync(seen).AsTask().Within();
        System.Text.Encoding.ASCII.GetString(seen).Should().Be("CN=the visitor");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public async Task ClientHello_OverManyRecordsAndSegments_RoutesAndArrivesAsItWas(int size)
    {
        byte[] hello = HandmadeHello.Records(HandmadeHello.Message(
            [.. HandmadeHello.Extension(HandmadeHello.Grease, []), .. HandmadeHello.ServerName(Name), .. HandmadeHello.Extension(HandmadeHello.Ech, new byte[100])]), size);
        var got = new TaskCompletionSource<byte[]>();
        await using TunnelPair pair = await StartAsync(async connection => got.SetResult(await connection.ReadExactlyAsync(hello.Length)));
        using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(pair.Server.HttpsPort!.Value);
        foreach (byte[] part in hello.Chunk(size))
        {
            await visitor.WriteAsync(part);
        }

        (await got.Task.Within()).Should().Equal(hello);
    }

    [Fact]
    public async Task UnknownNameOrNone_WithoutACertificate_GetsTheAlertUnrecognizedName()
    {
        await using TunnelPair pair = await StartAsync(_ => Task.CompletedTask, hasCertificate: false);
        foreach (byte[] hello in new[] { HandmadeHello.For("nobody.tunnel.test"), HandmadeHello.Records(HandmadeHello.Message([])) })
        {
            (await SendAsync(pair, hello)).Should().Equal([0x15, 3, 3, 0, 2, 2, 112]);
        }
    }

    [Fact]
    public async Task OfflineAgent_GetsTheAlertInternalError()
    {
        await using TunnelPair pair = await StartAsync(_ => Task.CompletedTask);
        await pair.Agent.DisposeAsync();
        (await SendAsync(pair, HandmadeHello.For(Name))).Should().Equal([0x15, 3, 3, 0, 2, 2, 80]);
    }

    [Fact]
    public async Task OriginThatRefuses_GetsTheVisitorTheAlertInternalError()
    {
        await using TunnelPair pair = await StartAsync(_ => Task.CompletedTask);
        await pair.StopOriginAsync();
        (await SendAsync(pair, HandmadeHello.For(Name))).Should().Equal([0x15, 3, 3, 0, 2, 2, 80]);
    }

    [Fact]
    public async Task OriginThatResets_ResetsTheVisitor()
    {
        await using TunnelPair pair = await StartAsync(async origin =>
        {
            await origin.ReadExactlyAsync(1);
            origin.Reset();
        });
        await FluentActions.Awaiting(() => SendAsync(pair, HandmadeHello.For(Name))).Should().ThrowAsync<IOException>("it has spoken, in its way");
    }

    [Fact]
    public async Task Session_LostBeforeTheFirstAnswer_GetsTheVisitorTheAlertInternalError_LaterNothing()
    {
        foreach (bool hasAnswered in new[] { false, true })
        {
            await using TunnelPair pair = await StartAsync(_ => Task.CompletedTask, hasAgent: false, server: options => options with { Waiting = options.Waiting with { ResumeWindow = TimeSpan.Zero } });
            await using OddAgent agent = await OddAgent.ConnectAsAsync(
                pair.Server.AgentPort, $$"""{"version":1,"instance":"{{OddAgent.Instance}}"}""", """{"id":1,"type":"tls","subdomain":"demo"}""");
            using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(pair.Server.HttpsPort!.Value);
            await visitor.WriteAsync(HandmadeHello.For(Name));
            uint id = await agent.NextRequestAsync();
            if (hasAnswered)
            {
                await agent.AnswerAsync(id, "first", fin: false);
                (await visitor.ReadExactlyAsync(5).Within()).Should().Equal("first"u8.ToArray());
            }

            await agent.KillAsync();
            if (hasAnswered)
            {
                await FluentActions.Awaiting(() => visitor.ReadToEndAsync().Within()).Should().ThrowAsync<IOException>("an alert in the middle would be nonsense");
            }
            else
            {
                (await visitor.ReadToEndAsync().Within()).Should().Equal([0x15, 3, 3, 0, 2, 2, 80]);
            }
        }
    }

    [Fact]
    public async Task Visitor_ThatSendsOnAfterItsHello_StillHearsTheAlert()
    {
        await using TunnelPair pair = await StartAsync(_ => Task.CompletedTask, hasCertificate: false);
        foreach (byte[] hello in new[] { HandmadeHello.For("nobody.tunnel.test"), HandmadeHello.Records(HandmadeHello.Message([])) })
        {
            using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(pair.Server.HttpsPort!.Value);
            await visitor.WriteAsync((byte[])[.. hello, .. new byte[200_000]]);
            visitor.EndSending();
            (await visitor.ReadToEndAsync().Within()).Should().Equal([0x15, 3, 3, 0, 2, 2, 112]);
        }
    }

    [Fact]
    public async Task ClientHello_Malformed_GetsTheAlertDecodeError()
    {
        await using TunnelPair pair = await StartAsync(_ => Task.CompletedTask);
        (await SendAsync(pair, HandmadeHello.Records(HandmadeHello.Message(1, new byte[20])))).Should().Equal([0x15, 3, 3, 0, 2, 2, 50]);
        (await SendAsync(pair, [0x16, 3, 1, 0, 4, 1, 0x10, 0, 0])).Should().Equal([0x15, 3, 3, 0, 2, 2, 22]);
    }

    private static async Task<byte[]> SendAsync(TunnelPair pair, byte[] hello)
    {
        using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(pair.Server.HttpsPort!.Value);
        await visitor.WriteAsync(hello);
        return await visitor.ReadToEndAsync().Within();
    }

    // Speaks TLS as its own master, says who the client is if it asked, and echoes.
    private static Func<ScriptedConnection, Task> TlsOrigin(X509Certificate2 certificate, bool asksForCertificate = false) => async connection =>
    {
        await using var tls = new SslStream(new NetworkStream(connection.Socket, ownsSocket: false));
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
        {
            ServerCertificate = certificate,
            ClientCertificateRequired = asksForCertificate,
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
            EnabledSslProtocols = SslProtocols.None,
        });
        byte[] buffer = new byte[4096];
        for (int bytes; (bytes = await tls.ReadAsync(buffer)) > 0;)
        {
            await tls.WriteAsync(asksForCertificate ? System.Text.Encoding.ASCII.GetBytes(tls.RemoteCertificate!.Subject) : buffer.AsMemory(0, bytes));
        }
    };

    private Task<TunnelPair> StartAsync(
        Func<ScriptedConnection, Task> origin, bool hasCertificate = true, bool hasAgent = true, Func<ServerOptions, ServerOptions>? server = null)
    {
        (string cert, string key) = _files.Write("wildcard", "*.tunnel.test");
        return TunnelPair.StartAsync(origin, new PairOptions
        {
            HasAgent = hasAgent,
            Server = options =>
            {
                options = options with { Domain = "tunnel.test", Listen = options.Listen with { HttpsPort = 0 } };
                options = hasCertificate ? options with { Tls = options.Tls with { Certs = [cert], Keys = [key] } } : options;
                return server is null ? options : server(options);
            },
            Agent = options => options.Tunnel(tunnel => tunnel with { Protocol = "tls" }),
        });
    }

    private Task<SecureVisitor> VisitAsync(TunnelPair pair, string name, Action<SslClientAuthenticationOptions>? change = null) =>
        SecureVisitor.ConnectAsync(pair.Server.HttpsPort!.Value, _files.Authority, name, change);
}

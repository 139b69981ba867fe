using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Tunnel.Agent;
using Tunnel.Agent.Connection;
using Tunnel.Integration.Tests.Pair;
using Tunnel.Server;
using Tunnel.Server.Forwarding;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Raw;

/// <summary>Raw TCP tunnels: each direction ends by itself, a reset is a reset, and who the visitor is can be said.</summary>
public sealed class TcpTunnelTests
{
    private static readonly byte[] ProxyV2Start = [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 12];

    [Fact]
    public async Task Visitor_OriginSpeaksFirst_HearsItWithoutSayingAWord()
    {
        await using TunnelPair pair = await StartAsync(async origin =>
        {
            await origin.WriteAsync("220 ready\r\n");
            await origin.ReadToEndAsync();
        });
        using ScriptedConnection visitor = await VisitAsync(pair);
        (await visitor.ReadLineAsync().Within()).Should().Be("220 ready");
    }

    /// <summary>Where ports may be shared the kernel would let it have them, and with them a part of the server's own connections.</summary>
    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Port_TheServerListensOnItself_IsNoTunnels(bool isAgentPort, bool isAskedFor)
    {
        int port = FreePort.Find();
        await using TunnelPair pair = await TunnelPair.StartAsync(_ => Task.CompletedTask, new PairOptions
        {
            HasAgent = false,
            Server = options => options with
            {
                Listen = options.Listen with
                {
                    AgentPort = isAgentPort ? port : options.Listen.AgentPort,
                    HttpPort = isAgentPort ? options.Listen.HttpPort : port,
                    SharesPorts = OperatingSystem.IsLinux(),
                    TcpPorts = (port, port),
                },
            },
        });

        await using AgentHost agent = pair.StartAgent(
            new ForwardingSignal(), options => options.Tunnel(tunnel => tunnel with { Protocol = "tcp", Subdomain = null, RemotePort = isAskedFor ? port : null }));

        (await agent.Exited.Within()).Should().Be(AgentExit.NameRefused);
        pair.Server.OpenTcpPorts.Should().Be(0);
    }

    [Fact]
    public async Task Visitor_EndsItsHalf_OriginSeesThatAndStillAnswers()
    {
        byte[] much = RandomNumberGenerator.GetBytes(2_000_000);
        await using TunnelPair pair = await StartAsync(async origin =>
        {
            byte[] all = await origin.ReadToEndAsync();
            await origin.WriteAsync(SHA256.HashData(all));
        });
        using ScriptedConnection visitor = await VisitAsync(pair);
        await visitor.WriteAsync(much);
        visitor.EndSending();
        (await visitor.ReadToEndAsync().Within()).Should().Equal(SHA256.HashData(much));
    }

    [Fact]
    public async Task Origin_EndsItsHalf_VisitorSeesThatAndMaySendOn()
    {
        var got = new TaskCompletionSource<byte[]>();
        await using TunnelPair pair = await StartAsync(async origin =>
        {
            await origin.WriteAsync("bye");
            origin.EndSending();
            got.SetResult(await origin.ReadToEndAsync());
        });
        using ScriptedConnection visitor = await VisitAsync(pair);
        (await visitor.ReadToEndAsync().Within()).Should().Equal("bye"u8.ToArray());
        await visitor.WriteAsync("afterwards");
        visitor.EndSending();
        (await got.Task.Within()).Should().Equal("afterwards"u8.ToArray());
    }

    [Fact]
    public async Task Origin_Resets_VisitorIsReset()
    {
        await using TunnelPair pair = await StartAsync(async origin =>
        {
            await origin.ReadExactlyAsync(1);
            origin.Reset();
        });
        using ScriptedConnection visitor = await VisitAsync(pair);
        await visitor.WriteAsync("x");
        await FluentActions.Awaiting(() => visitor.ReadToEndAsync().Within()).Should().ThrowAsync<IOException>();
    }

    [Fact]
    public async Task Visitor_Resets_OriginIsReset()
    {
        var seen = new TaskCompletionSource<Exception?>();
        await using TunnelPair pair = await StartAsync(async origin =>
        {
            await origin.WriteAsync("x");
            try
            {
                await origin.ReadToEndAsync();
                seen.SetResult(null);
            }
            catch (IOException error)
            {
                seen.SetResult(error);
            }
        });
        using ScriptedConnection visitor = await VisitAsync(pair);
        await visitor.ReadExactlyAsync(1);
        visitor.Reset();
        (await seen.Task.Within()).Should().NotBeNull();
    }

    [Fact]
    public async Task Port_ThatNobodyListensOnAtTheAgent_ResetsTheVisitor()
    {
        await using TunnelPair pair = await StartAsync(_ => Task.CompletedTask);
        await pair.StopOriginAsync();

        // The reset may be there before the system has told of the connection.
        Func<Task> visiting = async () =>
        {
            using ScriptedConnection visitor = await VisitAsync(pair);
            await visitor.ReadToEndAsync().Within();
        };
        (await visiting.Should().ThrowAsync<Exception>()).Which.Should().Match(error => error is IOException
            || (error is SocketException && ((SocketException)error).SocketErrorCode == SocketError.ConnectionReset));
    }

    [Fact]
    public async Task Port_Wanted_IsTheOneGrantedAndNobodyElseGetsIt()
    {
        int port = FreePort.Find();
        await using TunnelPair pair = await StartAsync(
            Echo, options => options with { Listen = options.Listen with { TcpPorts = (port, port) } }, options => options.Tunnel(tunnel => tunnel with { RemotePort = port }));
        pair.Forwarding.Grant!.Url.Should().Be($"tcp://localhost:{port}");
        AgentHost other = pair.StartAgent(new ForwardingSignal());
        ((int)await other.Exited.Within()).Should().Be(4);
        await other.DisposeAsync();
        AgentHost outside = pair.StartAgent(new ForwardingSignal(), options => options.Tunnel(tunnel => tunnel with { RemotePort = 1 }));
        ((int)await outside.Exited.Within()).Should().Be(4);
        await outside.DisposeAsync();
    }

    [Fact]
    public async Task Agent_WithoutTcpPortsOnTheServer_IsRefusedWithTheOptionThatHelps()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Echo, new PairOptions { HasAgent = false });
        AgentHost agent = pair.StartAgent(new ForwardingSignal(), options => options.Tunnel(tunnel => tunnel with { Protocol = "tcp", Subdomain = null }));
        ((int)await agent.Exited.Within()).Should().Be(4);
        await agent.DisposeAsync();
        pair.Log.Should().Contain(line => line.Contains("--tcp-ports"));
    }

    [Fact]
    public async Task Origin_WithProxyProtocol_IsToldTheVisitorsAddress()
    {
        var header = new TaskCompletionSource<byte[]>();
        await using TunnelPair pair = await StartAsync(
            async origin =>
            {
                header.SetResult(await origin.ReadExactlyAsync(28));
                await origin.ReadToEndAsync();
            },
            agent: options => options.Origin(origin => origin with { SendsProxyProtocol = true }));
        using ScriptedConnection visitor = await VisitAsync(pair);
        byte[] got = await header.Task.Within();
        got.AsSpan(0, 16).ToArray().Should().Equal(ProxyV2Start);
        got.AsSpan(16, 4).ToArray().Should().Equal([127, 0, 0, 1]);
        ((got[24] << 8) | got[25]).Should().Be(((IPEndPoint)visitor.Socket.LocalEndPoint!).Port);
    }

    [Theory]
    [InlineData("PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\r\n")]
    [InlineData("\r\n\r\n\0\r\nQUIT\n!\u0011\0\u000c\u00cb\0q\u0007\u00c0\0\u0002\u0001\u009c@\u0001\u00bb")]
    public async Task Proxy_TrustedAndSpeakingTheProtocol_HandsOnTheVisitorItNames(string header)
    {
        var seen = new TaskCompletionSource<byte[]>();
        await using TunnelPair pair = await StartAsync(
            async origin =>
            {
                seen.SetResult(await origin.ReadExactlyAsync(28 + 4));
                await origin.ReadToEndAsync();
            },
            options => options with { Front = options.Front with { AcceptsProxyProtocol = true, TrustedProxies = TrustedProxies.Parse("127.0.0.0/8") } },
            options => options.Origin(origin => origin with { SendsProxyProtocol = true }));
        using ScriptedConnection proxy = await VisitAsync(pair);
        await proxy.WriteAsync(header + "data");
        byte[] got = await seen.Task.Within();
        got.AsSpan(16, 4).ToArray().Should().Equal([203, 0, 113, 7]);
        got.AsSpan(28).ToArray().Should().Equal("data"u8.ToArray());
    }

    [Fact]
    public async Task NameOfATcpTunnel_InHostOrInAHandshake_LeadsNowhere()
    {
        await using TunnelPair pair = await StartAsync(Echo, options => options with { Listen = options.Listen with { HttpsPort = 0 } });
        string name = pair.Forwarding.Grant!.Name;
        Answer answer = await pair.AskAsync($"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n");
        answer.Status.Should().Be(404);
        answer["Tunnel-Error"].Should().Be("tunnel-not-found");
        using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(pair.Server.HttpsPort!.Value);
        await visitor.WriteAsync(HandmadeHello.For(name));
        (await visitor.ReadToEndAsync().Within()).Should().Equal([0x15, 3, 3, 0, 2, 2, 112]);
        pair.Origin.Accepted.Count.Should().Be(0);
    }

    [Fact]
    public async Task Proxy_TrustedButSilentAboutTheVisitor_IsClosedAndTheLogSaysWhatToDo()
    {
        await using TunnelPair pair = await StartAsync(
            Echo, options => options with { Front = options.Front with { AcceptsProxyProtocol = true, TrustedProxies = TrustedProxies.Parse("127.0.0.0/8") } });
        using ScriptedConnection proxy = await VisitAsync(pair);
        await proxy.WriteAsync("SSH-2.0-x\r\n");
        await FluentActions.Awaiting(() => proxy.ReadToEndAsync().Within()).Should().ThrowAsync<IOException>();
        pair.Log.Should().Contain(line => line.Contains("Switch on its PROXY protocol"));
        pair.Origin.Accepted.Count.Should().Be(0);
    }

    [Theory]
    [InlineData("PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\r\n")]
    [InlineData("\r\n\r\n\0\r\nQUIT\n!")]
    public async Task Visitor_UntrustedThatSendsAHeader_IsCutBeforeTheOriginSeesIt(string header)
    {
        int received = 0;
        await using TunnelPair pair = await StartAsync(
            async origin =>
            {
                byte[] buffer = new byte[100];
                Interlocked.Add(ref received, await origin.Socket.ReceiveAsync(buffer, SocketFlags.None));
            },
            options => options with { Front = options.Front with { AcceptsProxyProtocol = true, TrustedProxies = TrustedProxies.Parse("192.0.2.0/24") } });
        using ScriptedConnection visitor = await VisitAsync(pair);

        // The system tells of a reset once, to whichever call comes first.
        Func<Task> speakAndListen = async () =>
        {
            foreach (char c in header)
            {
                await visitor.WriteAsync(c.ToString());
            }

            await visitor.ReadToEndAsync().Within();
        };

        await speakAndListen.Should().ThrowAsync<IOException>();
        await pair.WhenIdleAsync();
        received.Should().Be(0);
        pair.Log.Should().Contain(line => line.Contains("its sender is not a --trusted-proxy"));
    }

    [Fact]
    public async Task Visitor_UntrustedThatBeginsLikeAHeader_IsServedAsSoonAsItIsNone()
    {
        await using TunnelPair pair = await StartAsync(
            Echo, options => options with { Front = options.Front with { AcceptsProxyProtocol = true, TrustedProxies = TrustedProxies.Parse("192.0.2.0/24") } });
        using ScriptedConnection visitor = await VisitAsync(pair);
        await visitor.WriteAsync("PRO");
        await visitor.WriteAsync("GRESS");
        (await visitor.ReadExactlyAsync(8).Within()).Should().Equal("PROGRESS"u8.ToArray());
    }

    [Fact]
    public async Task Origin_OnAUnixSocket_IsReached()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        string path = Path.Combine(Directory.CreateTempSubdirectory("tunnel-socket-").FullName, "s");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        await using TunnelPair pair = await StartAsync(Echo, agent: options => options.Origin(origin => origin with { Socket = path }));
        using ScriptedConnection visitor = await VisitAsync(pair);
        using Socket origin = await listener.AcceptAsync().Within();
        await visitor.WriteAsync("over a socket");
        byte[] got = new byte[13];
        int bytes = await origin.ReceiveAsync(got).Within();
        got.AsSpan(0, bytes).SequenceEqual("over a socket"u8).Should().BeTrue();
        visitor.EndSending();
        (await origin.ReceiveAsync(got).Within()).Should().Be(0);
        origin.Shutdown(SocketShutdown.Both);
    }

    private static async Task Echo(ScriptedConnection origin)
    {
        byte[] buffer = new byte[4096];
        for (int bytes; (bytes = await origin.Socket.ReceiveAsync(buffer, SocketFlags.None)) > 0;)
        {
            await origin.WriteAsync(buffer.AsMemory(0, bytes));
        }
    }

    private static Task<TunnelPair> StartAsync(
        Func<ScriptedConnection, Task> origin, Func<ServerOptions, ServerOptions>? server = null, Func<AgentOptions, AgentOptions>? agent = null) =>
        TunnelPair.StartAsync(origin, new PairOptions
        {
            Server = options =>
            {
                int port = FreePort.Find();
                options = options with { Listen = options.Listen with { TcpPorts = (port, Math.Min(port + 50, 65_535)) } };
                return server is null ? options : server(options);
            },
            Agent = options =>
            {
                options = options.Tunnel(tunnel => tunnel with { Protocol = "tcp", Subdomain = null });
                return agent is null ? options : agent(options);
            },
        });

    private static Task<ScriptedConnection> VisitAsync(TunnelPair pair) => ScriptedConnection.ConnectAsync(new Uri(pair.Forwarding.Grant!.Url).Port);
}

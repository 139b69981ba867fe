using System.Text.Json;
using Tunnel.Framing.Frames;
using Tunnel.Integration.Tests.Agents;
using Tunnel.Integration.Tests.Pair;
using Tunnel.Server.Forwarding;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Raw;

/// <summary>A line for every raw connection when it has ended: who, what for, how much, how long, and how it ended.</summary>
public sealed class RawAccessLogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly int _port = FreePort.Find();

    private string LogFile => Path.Combine(_folder.Path, "access.log");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Connection_ThatEndsInOrder_HasItsBytesBothWays()
    {
        await using (TunnelPair pair = await StartAsync(AnswerAtTheEnd))
        {
            using ScriptedConnection visitor = await VisitAsync();
            await visitor.WriteAsync(new byte[100_000]);
            visitor.EndSending();
            await visitor.ReadToEndAsync().Within();
        }

        JsonElement line = await OnlyLineAsync();
        line.GetProperty("kind").GetString().Should().Be("tcp");
        line.GetProperty("name").GetString().Should().Be($"tcp:{_port}");
        line.GetProperty("visitor").GetString().Should().Be("127.0.0.1");
        line.GetProperty("bytesIn").GetInt64().Should().Be(100_000);
        line.GetProperty("bytesOut").GetInt64().Should().Be("all read".Length);
        line.GetProperty("totalMs").GetDouble().Should().BeGreaterThanOrEqualTo(line.GetProperty("routingMs").GetDouble());
        line.GetProperty("end").GetString().Should().Be("closed");
    }

    [Fact]
    public async Task Connection_InTheTextForm_IsOneLine()
    {
        await using (TunnelPair pair = await StartAsync(AnswerAtTheEnd, options => options with { AccessLog = options.AccessLog with { IsJson = false } }))
        {
            using ScriptedConnection visitor = await VisitAsync();
            await visitor.WriteAsync("abc");
            visitor.EndSending();
            await visitor.ReadToEndAsync().Within();
        }

        (await File.ReadAllLinesAsync(LogFile)).Should().ContainSingle().Which.Should().MatchRegex(
            $@"^\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z 127\.0\.0\.1 tcp:{_port} tcp in=3 out=8 routing=[\d.]+ total=[\d.]+ token=- end=closed$");
    }

    [Fact]
    public async Task Passthrough_IsNamedByItsServerName()
    {
        byte[] hello = HandmadeHello.For(TunnelPair.Name);
        await using (TunnelPair pair = await StartAsync(
            async origin =>
            {
                await origin.ReadExactlyAsync(hello.Length);
                await origin.WriteAsync("sealed");
                origin.EndSending();
                await origin.ReadToEndAsync();
            },
            protocol: "tls"))
        {
            using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(pair.Server.HttpsPort!.Value);
            await visitor.WriteAsync(hello);
            (await visitor.ReadToEndAsync().Within()).Should().Equal("sealed"u8.ToArray());
            visitor.EndSending();
            await Eventually.TrueAsync(() => pair.Server.Counts.Visitors == 0);
        }

        JsonElement line = await OnlyLineAsync();
        line.GetProperty("kind").GetString().Should().Be("tls");
        line.GetProperty("name").GetString().Should().Be(TunnelPair.Name);
        line.GetProperty("bytesIn").GetInt64().Should().Be(hello.Length);
        line.GetProperty("bytesOut").GetInt64().Should().Be(6);
        line.GetProperty("end").GetString().Should().Be("closed");
    }

    [Fact]
    public async Task Connection_ThatTheVisitorBreaks_SaysSo()
    {
        await using (TunnelPair pair = await StartAsync(SpeakFirst))
        {
            using ScriptedConnection visitor = await VisitAsync();
            await visitor.ReadExactlyAsync(2).Within();
            visitor.Reset();
            await Eventually.TrueAsync(() => pair.Server.Counts.Visitors == 0);
        }

        (await OnlyLineAsync()).GetProperty("end").GetString().Should().Be("visitor-reset");
    }

    [Fact]
    public async Task Connection_ThatTheOriginBreaks_SaysSo()
    {
        await using (TunnelPair pair = await StartAsync(async origin =>
        {
            await origin.WriteAsync("hi");
            await origin.ReadExactlyAsync(1);
            origin.Reset();
        }))
        {
            using ScriptedConnection visitor = await VisitAsync();
            await visitor.ReadExactlyAsync(2).Within();
            await visitor.WriteAsync("x");
            await FluentActions.Awaiting(() => visitor.ReadToEndAsync().Within()).Should().ThrowAsync<IOException>();
        }

        (await OnlyLineAsync()).GetProperty("end").GetString().Should().Be("origin-reset");
    }

    [Fact]
    public async Task Connection_ToAnOriginThatRefuses_SaysSo()
    {
        await using (TunnelPair pair = await StartAsync(SpeakFirst))
        {
            await pair.StopOriginAsync();
            await AssertResetAsync();
        }

        (await OnlyLineAsync()).GetProperty("end").GetString().Should().Be("origin-refused");
    }

    [Fact]
    public async Task Connection_ThatTheTunnelKeepsOut_SaysSo()
    {
        await using (TunnelPair pair = await StartAsync(SpeakFirst, guard: new TunnelGuard { Deny = ["127.0.0.0/8"] }))
        {
            await AssertResetAsync();
            await Eventually.TrueAsync(() => pair.Server.Counts.Visitors == 0);
        }

        (await OnlyLineAsync()).GetProperty("end").GetString().Should().Be("access-denied");
    }

    [Fact]
    public async Task Connection_ThatWaitsForAnAgent_SaysHowThatEnded()
    {
        await using (TunnelPair pair = await StartAsync(SpeakFirst, options => options with { Waiting = options.Waiting with { Hold = TimeSpan.FromSeconds(1) } }))
        {
            await pair.Agent.StopAsync().Within();
            using (ScriptedConnection visitor = await VisitAsync())
            {
                await Eventually.TrueAsync(() => pair.Server.Held == 1);
            }

            await Eventually.TrueAsync(() => pair.Server.Counts.Visitors == 0);
            await AssertResetAsync();
        }

        JsonElement[] lines = await LinesAsync();
        lines.Select(line => line.GetProperty("end").GetString()).Should().Equal("visitor-left", "agent-offline");
        lines[1].GetProperty("routingMs").GetDouble().Should().BeGreaterThan(500);
    }

    [Fact]
    public async Task Connection_ThatBeginsWithAProxyHeader_SaysSo()
    {
        await using (TunnelPair pair = await StartAsync(
            async origin => await origin.ReadToEndAsync(),
            options => options with { Front = options.Front with { AcceptsProxyProtocol = true, TrustedProxies = TrustedProxies.Parse("192.0.2.0/24") } }))
        {
            using ScriptedConnection visitor = await VisitAsync();
            await visitor.WriteAsync("PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\r\n");
            await FluentActions.Awaiting(() => visitor.ReadToEndAsync().Within()).Should().ThrowAsync<IOException>();
        }

        JsonElement line = await OnlyLineAsync();
        line.GetProperty("end").GetString().Should().Be("proxy-header");
        line.GetProperty("bytesIn").GetInt64().Should().Be(0);
    }

    [Fact]
    public async Task Connection_BehindATrustedProxy_IsItsVisitors()
    {
        await using (TunnelPair pair = await StartAsync(
            AnswerAtTheEnd,
            options => options with { Front = options.Front with { AcceptsProxyProtocol = true, TrustedProxies = TrustedProxies.Parse("127.0.0.0/8") } }))
        {
            using ScriptedConnection proxy = await VisitAsync();
            await proxy.WriteAsync("PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\r\nabc");
            proxy.EndSending();
            await proxy.ReadToEndAsync().Within();
        }

        JsonElement line = await OnlyLineAsync();
        line.GetProperty("visitor").GetString().Should().Be("203.0.113.7");
        line.GetProperty("bytesIn").GetInt64().Should().Be(3);
    }

    [Fact]
    public async Task Connection_ThatRunsWhenTheServersGraceIsOver_SaysSo()
    {
        await using (TunnelPair pair = await StartAsync(SpeakFirst))
        {
            using ScriptedConnection visitor = await VisitAsync();
            await visitor.ReadExactlyAsync(2).Within();
            using var graceIsOver = new CancellationTokenSource();
            Task stop = pair.Server.StopAsync(graceIsOver.Token);
            await graceIsOver.CancelAsync();
            await stop.Within();
        }

        (await OnlyLineAsync()).GetProperty("end").GetString().Should().Be("server-stopped");
    }

    [Fact]
    public async Task Connection_WhoseSessionIsLost_SaysSo()
    {
        await using (TunnelPair pair = await StartAsync(SpeakFirst, options => options with { Waiting = options.Waiting with { ResumeWindow = TimeSpan.Zero } }, hasAgent: false))
        {
            await using OddAgent agent = await ConnectAsync(pair);
            using ScriptedConnection visitor = await VisitAsync();
            await agent.AnswerAsync(await agent.NextRequestAsync(), "hi", fin: false);
            await visitor.ReadExactlyAsync(2).Within();
            await agent.KillAsync();
            await FluentActions.Awaiting(() => visitor.ReadToEndAsync().Within()).Should().ThrowAsync<IOException>();
        }

        (await OnlyLineAsync()).GetProperty("end").GetString().Should().Be("session-lost");
    }

    [Fact]
    public async Task Connection_ThatMovedToAnotherSession_IsOneLineAndCountedOnce()
    {
        await using (TunnelPair pair = await StartAsync(SpeakFirst, hasAgent: false))
        {
            await using OddAgent first = await ConnectAsync(pair, 'a');
            await using OddAgent second = await ConnectAsync(pair, 'b');
            using ScriptedConnection visitor = await VisitAsync();
            await visitor.WriteAsync("hello");
            uint id = await first.NextRequestAsync();
            if (!first.LastHead.EndsWith("hello", StringComparison.Ordinal))
            {
                await first.Peer.ExpectAsync(FrameKind.Data);
            }

            await first.Peer.SendResetAsync(id, (ushort)ResetCode.NotProcessed);
            id = await second.NextRequestAsync();
            visitor.EndSending();
            await second.AnswerAsync(id, "heard");
            await visitor.ReadToEndAsync().Within();
            await Eventually.TrueAsync(() => pair.Server.Counts.Visitors == 0);
        }

        JsonElement line = await OnlyLineAsync();
        line.GetProperty("bytesIn").GetInt64().Should().Be(5);
        line.GetProperty("bytesOut").GetInt64().Should().Be(5);
        line.GetProperty("end").GetString().Should().Be("closed");
    }

    private static async Task AnswerAtTheEnd(ScriptedConnection origin)
    {
        await origin.ReadToEndAsync();
        await origin.WriteAsync("all read");
        origin.EndSending();
    }

    private static async Task SpeakFirst(ScriptedConnection origin)
    {
        await origin.WriteAsync("hi");
        try
        {
            await origin.ReadToEndAsync();
        }
        catch (IOException)
        {
            // The visitor or the server broke it off, as the test wants.
        }
    }

    private Task<ScriptedConnection> VisitAsync() => ScriptedConnection.ConnectAsync(_port);

    private async Task AssertResetAsync()
    {
        Exception? end = await Record.ExceptionAsync(async () =>
        {
            using ScriptedConnection visitor = await VisitAsync();
            await visitor.ReadToEndAsync().Within();
        });
        end.Should().Match(error => error is IOException || error is System.Net.Sockets.SocketException);
    }

    private async Task<JsonElement[]> LinesAsync() =>
        [.. (await File.ReadAllLinesAsync(LogFile)).Select(line => JsonDocument.Parse(line).RootElement)];

    private async Task<JsonElement> OnlyLineAsync() => (await LinesAsync()).Should().ContainSingle().Which;

    private Task<TunnelPair> StartAsync(
        Func<ScriptedConnection, Task> origin,
        Func<Server.ServerOptions, Server.ServerOptions>? server = null,
        TunnelGuard? guard = null,
        string protocol = "tcp",
        bool hasAgent = true) =>
        TunnelPair.StartAsync(origin, new PairOptions
        {
            HasAgent = hasAgent,
            Server = options =>
            {
                options = options with { Listen = options.Listen with { TcpPorts = (_port, _port), HttpsPort = 0 }, AccessLog = options.AccessLog with { File = LogFile, IsJson = true } };
                return server is null ? options : server(options);
            },
            Agent = options => options.Tunnel(tunnel => tunnel with { Protocol = protocol, Subdomain = protocol == "tcp" ? null : "demo", Guard = guard }),
        });

    private Task<OddAgent> ConnectAsync(TunnelPair pair, char instance = 'a') => OddAgent.ConnectAsAsync(
        pair.Server.AgentPort,
        $$"""{"version":1,"instance":"{{new string(instance, 32)}}"}""",
        $$"""{"id":1,"type":"tcp","port":{{_port}},"pool":true}""");
}

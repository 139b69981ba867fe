using System.Text;
using Tunnel.Agent.Console;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Forwarding;

/// <summary>What whoever watches an agent's exchanges sees of them.</summary>
public sealed class WatchedExchangeTests
{
    private readonly TrafficWatch _watch = new(TimeProvider.System);

    [Fact]
    public async Task Request_WithContentBothWays_IsCounted()
    {
        await using TunnelPair pair = await StartAsync(async connection =>
        {
            string head = (await connection.ReadHeadAsync())!;
            await connection.ReadExactlyAsync(head.StartsWith("POST", StringComparison.Ordinal) ? 100_000 : 0);
            await connection.WriteAsync($"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 70000\r\n\r\n{new string('x', 70_000)}");
        });

        await pair.AskAsync($"POST /form?a=b HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: 100000\r\n\r\n{new string('u', 100_000)}");

        WatchedExchange exchange = await EndedAsync();
        (exchange.Method, exchange.Target, exchange.Status, exchange.Fault).Should().Be(("POST", "/form?a=b", 201, ""));
        (exchange.Sent, exchange.Received, exchange.Visitor, exchange.IsRaw).Should().Be((100_000, 70_000, "127.0.0.1", false));
        exchange.Duration.Should().BePositive();
        Figures(exchange).Should().Match<TrafficFigures>(figures => figures.Open == 0 && figures.Total == 1 && figures.Bytes == 170_000 && figures.Median == exchange.Duration);
    }

    [Fact]
    public async Task Upgrade_BytesOfTheConnection_AreCountedAndItsTimeIsNot()
    {
        await using TunnelPair pair = await StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
            await connection.ReadToEndAsync();
            await connection.WriteAsync("12345");
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"GET /chat HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
        await visitor.ReadAnswerAsync().Within();
        _watch.Of(1).Read().Open.Should().Be(1);
        await visitor.WriteAsync("abc");
        visitor.EndSending();
        await visitor.ReadToEndAsync().Within();

        WatchedExchange exchange = await EndedAsync();
        (exchange.Target, exchange.Status, exchange.Sent, exchange.Received).Should().Be(("/chat", 101, 3, 5));
        Figures(exchange).Median.Should().BeNull();
    }

    [Fact]
    public async Task Request_TheVisitorLeaves_EndsWithItsReason()
    {
        await using TunnelPair pair = await StartAsync(async connection => await connection.ReadToEndAsync());
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"GET /slow HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n");
        await pair.Origin.Accepted.WhenAsync(1);
        visitor.Reset();

        WatchedExchange exchange = await EndedAsync();
        (exchange.Target, exchange.Status, exchange.Received).Should().Be(("/slow", 0, 0));
        exchange.Fault.Should().NotBeEmpty();
        Figures(exchange).Should().Match<TrafficFigures>(figures => figures.Open == 0 && figures.Median == null);
    }

    [Fact]
    public async Task Request_TheOriginIsDown_EndsWithItsReason()
    {
        await using TunnelPair pair = await StartAsync(_ => Task.CompletedTask);
        await pair.StopOriginAsync();
        (await pair.GetAsync("/down")).Status.Should().Be(502);

        WatchedExchange exchange = await EndedAsync();
        (exchange.Method, exchange.Target, exchange.Status, exchange.Fault).Should().Be(("GET", "/down", 0, "origin-refused"));
    }

    [Fact]
    public async Task RawConnection_IsCounted()
    {
        int port = FreePort.Find();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await connection.ReadToEndAsync();
                await connection.WriteAsync("bye");
            },
            new PairOptions
            {
                Watch = _watch,
                Server = options => options with { Listen = options.Listen with { TcpPorts = (port, Math.Min(port + 50, 65_535)) } },
                Agent = options => options.Tunnel(tunnel => tunnel with { Protocol = "tcp", Subdomain = null }),
            });
        using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(new Uri(pair.Forwarding.Grant!.Url).Port);
        await visitor.WriteAsync(new byte[50_000]);
        visitor.EndSending();
        Encoding.ASCII.GetString(await visitor.ReadToEndAsync().Within()).Should().Be("bye");

        WatchedExchange exchange = await EndedAsync();
        (exchange.IsRaw, exchange.Sent, exchange.Received, exchange.Fault).Should().Be((true, 50_000, 3, ""));
        Figures(exchange).Should().Match<TrafficFigures>(figures => figures.Bytes == 50_003 && figures.Median == null);
    }

    [Theory]
    [InlineData(403, "", "Blocked request. This host (\"x\") is not allowed.", "server.allowedHosts")]
    [InlineData(403, "", "Invalid Host header", "devServer.allowedHosts")]
    [InlineData(403, "", "Unauthorized", "allowedDevOrigins")]
    [InlineData(403, "", "<style>…</style><h1>Blocked hosts: x</h1>", "config.hosts")]
    [InlineData(400, "Content-Type: text/html\r\n", "<title>DisallowedHost at /</title>", "ALLOWED_HOSTS")]
    public async Task Answer_OfAFrameworkThatBlocksTheName_IsExplained(int status, string fields, string text, string setting)
    {
        await using TunnelPair pair = await StartAsync(AnsweringAsync(status, fields, text));
        (await pair.GetAsync()).Status.Should().Be(status);
        await Eventually.TrueAsync(() => pair.Log.Any(line => line.Contains("[host-blocked]", StringComparison.Ordinal)));
        pair.Log.Single(line => line.Contains("[host-blocked]", StringComparison.Ordinal)).Should().StartWith("Warning: ").And.Contain(setting);
    }

    [Theory]
    [InlineData(200, "", "Invalid Host header")]
    [InlineData(404, "", "Blocked hosts: x")]
    [InlineData(400, "", "Blocked hosts: x")]
    [InlineData(403, "Content-Type: text/plain\r\n", "Unauthorized")]
    [InlineData(403, "", "Unauthorized!")]
    public async Task Answer_ThatOnlyLooksAlike_IsNot(int status, string fields, string text)
    {
        await using TunnelPair pair = await StartAsync(AnsweringAsync(status, fields, text));
        (await pair.GetAsync()).Status.Should().Be(status);
        await EndedAsync();
        pair.Log.Should().NotContain(line => line.Contains("host-blocked", StringComparison.Ordinal));
    }

    private static Func<ScriptedConnection, Task> AnsweringAsync(int status, string fields, string text) => async connection =>
    {
        await connection.ReadHeadAsync();
        await connection.WriteAsync($"HTTP/1.1 {status} X\r\n{fields}Content-Length: {text.Length}\r\n\r\n{text.Replace('…', '.')}");
    };

    private Task<TunnelPair> StartAsync(Func<ScriptedConnection, Task> origin) => TunnelPair.StartAsync(origin, new PairOptions { Watch = _watch });

    private async Task<WatchedExchange> EndedAsync()
    {
        await Eventually.TrueAsync(() => _watch.Recent().Count > 0);
        return _watch.Recent()[0];
    }

    private TrafficFigures Figures(WatchedExchange exchange) => _watch.Of(exchange.TunnelId).Read();
}

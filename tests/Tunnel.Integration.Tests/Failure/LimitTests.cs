using Tunnel.Http.Heads;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Failure;

/// <summary>Limits of one's own are what counts, and each has its answer (docs/operating.md, "Limits").</summary>
public sealed class LimitTests
{
    [Theory]
    [InlineData("line", 414)]
    [InlineData("head", 431)]
    [InlineData("fields", 431)]
    [InlineData("body", 413)]
    [InlineData("chunked body", 413)]
    public async Task Request_BeyondALimit_IsAnsweredWithItsStatus(string what, int status)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions
        {
            Server = options => options with
            { Http = new HttpLimits { MaxStartLineBytes = 300, MaxHeadBytes = 1000, MaxFields = 5 }, Visitors = options.Visitors with { MaxBody = 10 } },
        });
        Answer within = await pair.AskAsync(
            $"POST /{new string('a', 200)} HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nX: {new string('b', 500)}\r\nContent-Length: 10\r\n\r\n0123456789");
        within.Text.Should().Be("x");
        Answer beyond = await pair.AskAsync(what switch
        {
            "line" => $"GET /{new string('a', 300)} HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n",
            "head" => $"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nX: {new string('b', 1000)}\r\n\r\n",
            "fields" => $"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n\r\n",
            "body" => $"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: 11\r\n\r\n",
            _ => $"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
        });
        beyond.Status.Should().Be(status);
        beyond["Tunnel-Error"].Should().Be("request-rejected");
        beyond["Connection"].Should().Be("close");
    }

    [Theory]
    [InlineData("GET", "", "", 16 * 1024)]
    [InlineData("GET", "", "", 200 * 1024)]
    [InlineData("HEAD", "", "", 40 * 1024)]
    [InlineData("POST", "Content-Length: 5\r\n", "hello", 40 * 1024)]
    [InlineData("POST", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", 100 * 1024)]
    public async Task Head_LargerThanAFrame_ReachesTheOriginWhole(string method, string framing, string body, int bytes)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                string head = (await connection.ReadHeadAsync())!;
                (byte[] content, _) = await connection.ReadBodyAsync(head);
                await connection.WriteAsync($"HTTP/1.1 200 OK\r\nX-Read: {head.Field("A")!.Length} {content.Length}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            },
            new PairOptions { Server = options => options with { Http = new HttpLimits { MaxHeadBytes = 512 * 1024 } } });
        for (int more = 0; more < 6; more++)
        {
            // The empty line is cut in each of its places.
            string value = new('x', bytes - 400 + more);
            Answer answer = await pair.AskAsync($"{method} / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nA: {value}\r\n{framing}\r\n{body}");
            answer["X-Read"].Should().Be($"{value.Length} {(body.Length > 0 ? 5 : 0)}");
        }
    }

    [Fact]
    public async Task Upload_SlowerThanARateOfOnesOwn_IsAnsweredWith408()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions
        {
            IsTimeFake = true,
            Server = options => options with { Visitors = options.Visitors with { Pace = new() { LeastRate = 10, Grace = TimeSpan.FromSeconds(20), StallTime = TimeSpan.FromSeconds(20) } } },
        });
        using ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: 100\r\n\r\nsome");
        Task<Answer> reading = visitor.ReadAnswerAsync();
        int seconds = 0;
        await Eventually.TrueAsync(() =>
        {
            pair.Time.Advance(TimeSpan.FromSeconds(1));
            seconds++;
            return reading.IsCompleted;
        });
        (await reading).Status.Should().Be(408);
        seconds.Should().BeGreaterThanOrEqualTo(20);
    }

    [Fact]
    public async Task Upgraded_AndSilentForHours_StaysAndThenEnds()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await connection.ReadHeadAsync();
                await connection.WriteAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
                while (true)
                {
                    await connection.WriteAsync(await connection.ReadExactlyAsync(4));
                }
            },
            new PairOptions { IsTimeFake = true, Server = options => options with { Visitors = options.Visitors with { UpgradeIdleTime = TimeSpan.FromHours(3) } } });
        using ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"GET /chat HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
        (await visitor.ReadAnswerAsync().Within()).Status.Should().Be(101);

        // A ping now and then keeps it for as long as anybody wants; the usual idle time does not concern it.
        for (int hour = 0; hour < 8; hour += 2)
        {
            await pair.PassAsync(TimeSpan.FromHours(2));
            await visitor.WriteAsync("ping");
            (await visitor.ReadExactlyAsync(4).Within()).Should().Equal("ping"u8.ToArray());
        }

        Task gone = Eventually.TrueAsync(() => pair.Server.Counts.Visitors == 0);
        await pair.PassAsync(TimeSpan.FromHours(7));
        await gone;
    }
}

using System.Text.Json;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Failure;

/// <summary>The table of docs/operating.md, "What a visitor sees when there is no answer".</summary>
public sealed class ErrorTableTests
{
    private static readonly PairOptions NoHold = new() { Server = options => options with { Waiting = options.Waiting with { Hold = TimeSpan.Zero } } };

    private static readonly Func<ScriptedConnection, Task> Silent = async connection => await connection.ReadToEndAsync();

    [Fact]
    public async Task UnknownName_IsNotFound_AndTheConnectionLives()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoHold);
        await AssertErrorAsync(pair, "nobody.localhost", 404, "tunnel-not-found", keepsAlive: true);
    }

    [Fact]
    public async Task NameOfAnAgentThatLeft_IsOfflineForAWhile_ThenUnknown()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), NoHold with { IsTimeFake = true });
        await pair.Agent.StopAsync().Within();
        await Eventually.TrueAsync(() => pair.Server.Counts.Names == 0);
        Answer answer = await AssertErrorAsync(pair, TunnelPair.Name, 503, "agent-offline", keepsAlive: true);
        answer["Retry-After"].Should().Be("5");
        pair.Time.Advance(TimeSpan.FromSeconds(21));
        await AssertErrorAsync(pair, TunnelPair.Name, 404, "tunnel-not-found", keepsAlive: true);
    }

    [Fact]
    public async Task OriginThatIsNotThere_IsRefused()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")));
        await pair.StopOriginAsync();
        Answer answer = await AssertErrorAsync(pair, TunnelPair.Name, 502, "origin-refused", keepsAlive: true);
        answer.Text.Should().NotContain($"{pair.Origin.Port}", "where the origin is concerns no visitor");
        await using var back = new ScriptedOrigin(Talk.Origin(Talk.Ok("back")), pair.Origin.Port);
        (await pair.GetAsync()).Text.Should().Be("back");
        pair.Log.Should().ContainSingle(line => line.Contains("cannot be reached", StringComparison.Ordinal) && line.EndsWith("[origin-refused]", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("garbage, not HTTP\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Len")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\n")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")]
    public async Task OriginWithoutAValidHead_IsInvalid(string says)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync(says);
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        for (int i = 0; i < 2; i++)
        {
            await visitor.WriteAsync($"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n");
            Answer answer = await visitor.ReadAnswerAsync().Within();
            if (answer.Status == 100)
            {
                answer = await visitor.ReadAnswerAsync().Within();
            }

            answer.Status.Should().Be(502);
            answer["Tunnel-Error"].Should().Be("origin-invalid");
        }
    }

    [Fact]
    public async Task OriginThatTakesTooLong_IsTimedOut()
    {
        var asked = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await connection.ReadHeadAsync();
                asked.Add();
                await connection.ReadToEndAsync();
            },
            new PairOptions { IsTimeFake = true });
        Task<Answer> asking = pair.GetAsync();

        // Not before: the dial has a limit too, of which a busy machine might see nothing but the end.
        await asked.WhenAsync(1);
        await pair.AdvanceUntilAsync(asking);
        Answer answer = await asking;
        answer.Status.Should().Be(504);
        answer["Tunnel-Error"].Should().Be("origin-timeout");
        await pair.Origin.Ended.WhenAsync(1);
        pair.Origin.Accepted.Count.Should().Be(1, "a request that timed out is not played again");
    }

    [Fact]
    public async Task OriginThatTakesTooLongOnAReusedConnection_IsTimedOut()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await connection.ReadHeadAsync();
                await connection.WriteAsync(Talk.Ok("first"));
                await connection.ReadToEndAsync();
            },
            new PairOptions { IsTimeFake = true });
        (await pair.GetAsync()).Text.Should().Be("first");
        await pair.WhenIdleAsync();
        Task<Answer> asking = pair.GetAsync();
        await pair.AdvanceUntilAsync(asking);
        (await asking).Status.Should().Be(504);
        pair.Origin.Accepted.Count.Should().Be(1);
    }

    [Fact]
    public async Task AnswerThatHasBegun_MayTakeAsLongAsItTakes()
    {
        var go = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await connection.ReadHeadAsync();
                await connection.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                (await connection.ReadChunkAsync()).Should().NotBeEmpty();
                await connection.ReadChunkAsync();
                await connection.ReadLineAsync();
                await connection.WriteChunkAsync("whole");
                await go.WhenAsync(1);
                await connection.WriteAsync("0\r\n\r\n");
                await connection.ReadToEndAsync();
            },
            new PairOptions { IsTimeFake = true, Agent = static options => options.Origin(origin => origin with { AnswerIdleTime = TimeSpan.FromHours(1) }) });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nTransfer-Encoding: chunked\r\n\r\n");
        await visitor.ReadHeadAsync().Within();
        await visitor.WriteAsync("1\r\na\r\n0\r\n\r\n");
        await visitor.ReadChunkAsync().Within();
        for (int i = 0; i < 1000; i++)
        {
            pair.Time.Advance(TimeSpan.FromSeconds(1));
        }

        go.Add();
        (await visitor.ReadChunkAsync().Within()).Should().BeEmpty();
    }

    [Fact]
    public async Task AnswerThatPausesForTooLong_IsCut()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await connection.ReadHeadAsync();
                await connection.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf-");
                await connection.ReadToEndAsync();
            },
            new PairOptions { IsTimeFake = true });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n");
        await visitor.ReadHeadAsync().Within();
        await visitor.ReadExactlyAsync(5).Within();
        Task<string> rest = ReadRestAsync(visitor);
        pair.Time.Advance(TimeSpan.FromMinutes(9));
        rest.IsCompleted.Should().BeFalse();
        await pair.AdvanceUntilAsync(rest);
        (await rest).Should().Be("cut");
        await pair.Origin.Ended.WhenAsync(1);

        static async Task<string> ReadRestAsync(ScriptedConnection visitor)
        {
            try
            {
                return System.Text.Encoding.ASCII.GetString(await visitor.ReadExactlyAsync(5));
            }
            catch (IOException)
            {
                return "cut";
            }
        }
    }

    [Theory]
    [InlineData("text/event-stream")]
    [InlineData("Text/Event-Stream; charset=utf-8")]
    public async Task EventStream_MayPauseForEver(string type)
    {
        var go = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await connection.ReadHeadAsync();
                await connection.WriteAsync($"HTTP/1.1 200 OK\r\nContent-Type: {type}\r\n\r\ndata: 1\n\n");
                await go.WhenAsync(1);
                await connection.WriteAsync("data: 2\n\n");
            },
            new PairOptions { IsTimeFake = true });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n");
        await visitor.ReadHeadAsync().Within();
        await visitor.ReadChunkAsync().Within();
        await pair.PassAsync(TimeSpan.FromHours(1));
        go.Add();
        System.Text.Encoding.ASCII.GetString(await visitor.ReadChunkAsync().Within()).Should().Be("data: 2\n\n");
        (await visitor.ReadChunkAsync().Within()).Should().BeEmpty();
    }

    [Fact]
    public async Task SessionThatEndsUnderARequest_IsLost()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Silent);
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nAccept: application/json\r\n\r\n");
        await pair.Origin.Accepted.WhenAsync(1);
        await pair.Agent.DisposeAsync().Within();
        Answer answer = await visitor.ReadAnswerAsync().Within();
        answer.Status.Should().Be(502);
        answer["Tunnel-Error"].Should().Be("session-lost");
        answer["Connection"].Should().BeNull("the request was read to its end, so the connection can go on");
    }

    [Fact]
    public async Task SessionAtItsLimit_IsTooBusy()
    {
        var free = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                while (await connection.ReadHeadAsync() is not null)
                {
                    await free.WhenAsync(1);
                    await connection.WriteAsync(Talk.Ok("served"));
                }
            },
            new PairOptions { Server = options => options with { Agents = options.Agents with { MaxStreamsPerSession = 3 }, Waiting = options.Waiting with { Hold = TimeSpan.FromSeconds(1) } } });
        Task<Answer>[] running = [pair.GetAsync(), pair.GetAsync(), pair.GetAsync()];
        await pair.Origin.Accepted.WhenAsync(3);
        Answer refused = await AssertErrorAsync(pair, TunnelPair.Name, 503, "too-busy", keepsAlive: true);
        refused["Retry-After"].Should().Be("1");
        free.Add();
        (await Task.WhenAll(running).Within()).Should().OnlyContain(answer => answer.Text == "served");
        await pair.WhenIdleAsync();
        (await pair.GetAsync()).Text.Should().Be("served", "slots are free again");
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400)]
    [InlineData("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505)]
    [InlineData("\u0016\u0003\u0001", 400)]
    [InlineData("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501)]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400)]
    [InlineData("POST / HTTP/1.1\r\nHost: demo.localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400)]
    [InlineData("POST / HTTP/1.1\r\nHost: demo.localhost\r\nContent-Length: 1001\r\n\r\n", 413)]
    [InlineData("POST / HTTP/1.1\r\nHost: demo.localhost\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n", 413, 1010)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nExpect: something\r\n\r\n", 417)]
    public async Task RequestAtFault_IsRejectedAndTheConnectionClosed(string request, int status, int filler = 0)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Silent, new PairOptions { Server = options => options with { Visitors = options.Visitors with { MaxBody = 1000 } } });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync(request + new string('x', filler));
        Answer answer = await visitor.ReadAnswerAsync().Within();
        answer.Status.Should().Be(status);
        answer["Tunnel-Error"].Should().Be("request-rejected");
        answer["Connection"].Should().Be("close");
        (await visitor.ReadToEndAsync().Within()).Should().BeEmpty();
    }

    [Fact]
    public async Task RequestLineAndFields_OverTheirLimits_HaveStatusesOfTheirOwn()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Silent);
        (await pair.AskAsync($"GET /{new string('a', 9000)} HTTP/1.1\r\n")).Status.Should().Be(414);
        (await pair.GetAsync("/", string.Concat(Enumerable.Repeat("A: b\r\n", 101)))).Status.Should().Be(431);
    }

    // The forms of one error: a page, JSON, HEAD, text; all on the same connection.
    private static async Task<Answer> AssertErrorAsync(TunnelPair pair, string host, int status, string code, bool keepsAlive)
    {
        ScriptedConnection visitor = await pair.VisitAsync();
        Answer? last = null;
        foreach ((string method, string accept) in ((string, string)[])[("GET", "text/html, */*"), ("GET", "application/json"), ("HEAD", "*/*"), ("GET", "*/*")])
        {
            await visitor.WriteAsync($"{method} / HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\n\r\n");
            last = await visitor.ReadAnswerAsync(hasBody: method != "HEAD").Within();
            last.Status.Should().Be(status);
            last["Tunnel-Error"].Should().Be(code);
            last["Cache-Control"].Should().Be("no-store");
            last["Connection"].Should().Be(keepsAlive ? null : "close");
            if (accept == "application/json")
            {
                JsonElement json = JsonDocument.Parse(last.Body).RootElement;
                json.GetProperty("error").GetString().Should().Be(code);
                json.GetProperty("status").GetInt32().Should().Be(status);
                json.GetProperty("requestId").GetString().Should().NotBeEmpty();
            }
            else if (method != "HEAD")
            {
                last["Content-Type"].Should().Be(accept == "*/*" ? "text/plain; charset=utf-8" : "text/html; charset=utf-8");
                last.Text.Should().Contain(accept == "*/*" ? $"Code: {code}" : $"Code: <code>{code}</code>").And.Contain("Request: ");
            }
        }

        return last!;
    }
}

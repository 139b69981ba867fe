using Tunnel.Agent;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Forwarding;

/// <summary>Requests and answers of every shape, from a visitor's bytes to the origin's and back.</summary>
public sealed class ExchangeTests
{
    private const string Get = $"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n";

    [Fact]
    public async Task Get_OfALivingTunnel_BringsTheOriginsAnswer()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head.Split(' ')[1], "X-Own: 1\r\n")));
        Answer answer = await pair.GetAsync("/a?b=c");
        answer.Status.Should().Be(200);
        answer["X-Own"].Should().Be("1");
        answer.Text.Should().Be("/a?b=c");
    }

    [Fact]
    public async Task KeepAlive_WithAnotherHostInEachRequest_RoutesEachByItsOwn()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("first")), PairOptions.Impatient);
        await using var second = new ScriptedOrigin(Talk.Origin(Talk.Ok("second")));
        var forwarding = new ForwardingSignal();
        await using AgentHost other = pair.StartAgent(forwarding, options => options.Tunnel(tunnel => tunnel with { Subdomain = "other" }).Origin(origin => origin with { Port = second.Port }));
        await forwarding.Times.WhenAsync(1);
        ScriptedConnection visitor = await pair.VisitAsync();
        foreach (string name in (string[])["demo", "other", "demo", "other", "nobody", "demo"])
        {
            await visitor.WriteAsync($"GET / HTTP/1.1\r\nHost: {name}.localhost\r\n\r\n");
            Answer answer = await visitor.ReadAnswerAsync().Within();
            (answer["Tunnel-Error"] ?? answer.Text).Should().Be(name switch { "demo" => "first", "other" => "second", _ => "tunnel-not-found" });
        }
    }

    [Fact]
    public async Task Pipelining_OfManyRequests_AnswersInOrder()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin((head, body) => Talk.Ok(head.Split(' ')[1] + body.Length)));
        ScriptedConnection visitor = await pair.VisitAsync();
        string all = string.Concat(Enumerable.Range(0, 50).Select(i => i % 3 == 0
            ? $"POST /{i}- HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: {i}\r\n\r\n{new string('x', i)}"
            : $"GET /{i}- HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n"));
        await visitor.WriteAsync(all);
        for (int i = 0; i < 50; i++)
        {
            (await visitor.ReadAnswerAsync().Within()).Text.Should().Be($"/{i}-{(i % 3 == 0 ? i : 0)}");
        }
    }

    [Theory]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "5")]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", null)]
    [InlineData("GET", "HTTP/1.1 204 No Content\r\n\r\n", null)]
    [InlineData("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "7")]
    public async Task AnswerWithoutBody_OnAKeptConnection_IsFollowedByTheNextOne(string method, string originAnswer, string? length)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin((head, _) => head.StartsWith(method + " /bare", StringComparison.Ordinal) ? originAnswer : Talk.Ok("next")));
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"{method} /bare HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n{Get}");
        Answer bare = await visitor.ReadAnswerAsync(hasBody: false).Within();
        bare["Content-Length"].Should().Be(length);
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("next");
        pair.Origin.Accepted.Count.Should().Be(1, "the origin's connection is as good as before");
    }

    [Fact]
    public async Task Chunks_InBothDirections_ArriveWithTheirTrailers()
    {
        string? trailers = null;
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            string head = (await connection.ReadHeadAsync())!;
            (byte[] body, trailers) = await connection.ReadBodyAsync(head);
            await connection.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n");
            await connection.WriteAsync($"5;ext=1\r\nhello\r\n{body.Length:X}\r\n{System.Text.Encoding.ASCII.GetString(body)}\r\n0\r\nX-Sum: 42\r\n\r\n");
        });
        Answer answer = await pair.AskAsync(
            $"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nTransfer-Encoding: chunked\r\n\r\n" +
            "3\r\nabc\r\n00B;a=\"b\"\r\ndefghijklmn\r\n0\r\nX-Check: ok\r\nContent-Length: 5\r\n\r\n");
        answer.Text.Should().Be("helloabcdefghijklmn");
        answer.Trailers.Should().Be("X-Sum: 42\r\n");
        trailers.Should().Be("X-Check: ok\r\n", "framing fields are no trailers");
    }

    [Fact]
    public async Task Answer_UntilTheOriginCloses_EndsInChunksForTheVisitor()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end");
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        for (int i = 0; i < 2; i++)
        {
            await visitor.WriteAsync(Get);
            Answer answer = await visitor.ReadAnswerAsync().Within();
            answer["Transfer-Encoding"].Should().Be("chunked");
            answer.Text.Should().Be("until the end");
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("Connection: keep-alive\r\n")]
    public async Task Visitor_OfHttp10_GetsNoChunksAndTheEndItAskedFor(string connection)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) =>
            head.Contains("/chunked", StringComparison.Ordinal)
                ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                : Talk.Ok("known")));
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"GET / HTTP/1.0\r\nHost: {TunnelPair.Name}\r\n{connection}\r\n");
        Answer known = await visitor.ReadAnswerAsync().Within();
        known.Text.Should().Be("known");
        if (connection.Length == 0)
        {
            (await visitor.ReadToEndAsync().Within()).Should().BeEmpty();
            visitor = await pair.VisitAsync();
        }
        else
        {
            known["Connection"].Should().Be("keep-alive");
        }

        await visitor.WriteAsync($"GET /chunked HTTP/1.0\r\nHost: {TunnelPair.Name}\r\n{connection}\r\n");
        Answer unknown = await visitor.ReadAnswerAsync().Within();
        unknown["Transfer-Encoding"].Should().BeNull();
        unknown["Connection"].Should().Be("close");
        unknown.Text.Should().Be("abc");
    }

    [Fact]
    public async Task Requests_FiveHundredInFlightAtOnce_EachGetItsOwnAnswer()
    {
        const int Count = 500;
        var arrived = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            while (await connection.ReadHeadAsync() is { } head)
            {
                arrived.Add();
                await arrived.WhenAsync(Count);
                await connection.WriteAsync(Talk.Ok($"answer to {head.Split(' ')[1]}"));
            }
        });
        Answer[] answers = await Task.WhenAll(Enumerable.Range(0, Count).Select(i => pair.GetAsync($"/{i}"))).Within();
        answers.Select(answer => answer.Text).Should().Equal(Enumerable.Range(0, Count).Select(i => $"answer to /{i}"));
        pair.Server.Counts.Agents.Should().Be(1);
    }

    [Theory]
    [InlineData("/exactly-one", 1, 1)]
    [InlineData("/a-window-and-more", 100_000, 100_000)]
    [InlineData("/many-windows", 20_000_000, 7_000_000)]
    public async Task Bodies_OfAnySize_ArriveUnchanged(string path, int up, int down)
    {
        byte[] answerBody = Noise(down, 1);
        byte[] requestBody = Noise(up, 2);
        byte[]? received = null;
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            string head = (await connection.ReadHeadAsync())!;
            (received, _) = await connection.ReadBodyAsync(head);
            await connection.WriteAsync($"HTTP/1.1 200 OK\r\nContent-Length: {down}\r\n\r\n");
            await connection.WriteAsync(answerBody);
        });
        using HttpClient client = pair.NewClient();
        using HttpResponseMessage answer = await client.PostAsync(new Uri(path, UriKind.Relative), new ByteArrayContent(requestBody)).Within();
        (await answer.Content.ReadAsByteArrayAsync().Within()).AsSpan().SequenceEqual(answerBody).Should().BeTrue();
        received.AsSpan().SequenceEqual(requestBody).Should().BeTrue();
    }

    private static byte[] Noise(int bytes, int seed)
    {
        byte[] noise = new byte[bytes];
        new Random(seed).NextBytes(noise);
        return noise;
    }
}

using System.Collections.Concurrent;
using System.Text;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Forwarding;

/// <summary>
/// What public test sets send to make two parties disagree, in front of an origin that takes whatever comes and writes it
/// down: it sees nothing at all, or what the visitor sent in the one reading it has.
/// </summary>
public sealed class OneReadingTests
{
    private const string Head = $" / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n";

    [Theory]
    [InlineData("Transfer-Encoding: chunked\r\n")]
    [InlineData("Transfer-Encoding:\tchunked\r\n")]
    [InlineData("Transfer-Encoding : chunked\r\n")]
    [InlineData(" Transfer-Encoding: chunked\r\n")]
    [InlineData("Transfer-Encoding:\u000bchunked\r\n")]
    [InlineData("Transfer-Encoding: chunked\u007f\r\n")]
    [InlineData("Transfer-Encoding: chunked\u00ff\r\n")]
    [InlineData("Transfer-Encoding\u00a0: chunked\r\n")]
    [InlineData("Transfer-Encoding:\r\n chunked\r\n")]
    [InlineData("X: y\nTransfer-Encoding: chunked\r\n")]
    [InlineData("X: y\rTransfer-Encoding: chunked\r\n")]
    [InlineData("X: y\r\rTransfer-Encoding: chunked\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\u000bX: y\r\n")]
    [InlineData("Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n")]
    public async Task Gadget_BesideALength_NeverReachesTheOrigin(string gadget)
    {
        var seen = new ConcurrentQueue<string>();
        await using TunnelPair pair = await TunnelPair.StartAsync(Recording(seen));
        string hidden = $"0\r\n\r\nGET{Head}\r\n";
        using ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"POST{Head}{gadget}Content-Length: {hidden.Length}\r\n\r\n{hidden}");
        (await visitor.ReadAnswerAsync().Within()).Status.Should().Be(400);
        (await visitor.ReadToEndAsync().Within()).Should().BeEmpty("what is refused ends the connection");
        seen.Should().BeEmpty();
    }

    [Theory]
    [InlineData("X: y Transfer-Encoding: chunked\r\n")]
    [InlineData("X: y\tTransfer-Encoding: chunked\r\n")]
    [InlineData("X: y\u00ffTransfer-Encoding: chunked\r\n")]
    [InlineData("Transfer_Encoding: chunked\r\n")]
    [InlineData("Content-Encoding: chunked\r\n")]
    public async Task Gadget_ThatIsNoTransferEncoding_ReachesTheOriginAsOneRequest(string gadget)
    {
        var seen = new ConcurrentQueue<string>();
        await using TunnelPair pair = await TunnelPair.StartAsync(Recording(seen));
        string hidden = $"0\r\n\r\nGET{Head}\r\n";
        Answer answer = await pair.AskAsync($"POST{Head}{gadget}Content-Length: {hidden.Length}\r\n\r\n{hidden}");
        answer.Status.Should().Be(200);
        seen.Should().Equal("POST " + hidden);
    }

    [Theory]
    [InlineData("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", 204, "")]
    [InlineData("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 204, "")]
    [InlineData("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", 204, "")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 200, "hello")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", 200, "hello")]
    public async Task Answer_FramedAgainstTheRules_HasOneReadingAndEndsThatConnection(string originAnswer, int status, string text)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin((head, _) => head.StartsWith("GET /odd", StringComparison.Ordinal) ? originAnswer : Talk.Ok("mine")));
        using ScriptedConnection visitor = await pair.VisitAsync();
        for (int i = 1; i <= 2; i++)
        {
            await visitor.WriteAsync($"GET /odd HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n");
            Answer answer = await visitor.ReadAnswerAsync().Within();
            answer.Status.Should().Be(status);
            answer.Text.Should().Be(text);
            answer.Head.Fields("Content-Length").Should().HaveCount(text.Length == 0 ? 0 : 1);
            answer.Head.Fields("Transfer-Encoding").Should().BeEmpty();
            pair.Origin.Accepted.Count.Should().Be(i);
        }

        (await pair.GetAsync()).Text.Should().Be("mine");
    }

    [Theory]
    [InlineData("GET /caf\u00c3\u00a9?\u00e4\u00b8\u00ad HTTP/1.1\r\nHost: demo.localhost\r\n\r\n", "GET /caf%C3%A9?%E4%B8%AD HTTP/1.1")]
    [InlineData("GET /a\u0085\u00a0b HTTP/1.1\r\nHost: demo.localhost:\r\nExpect:\r\n\r\n", "GET /a%85%A0b HTTP/1.1")]
    public async Task RequestLine_WithRawBytes_ReachesTheOriginEscaped(string request, string line)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head)));
        using ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync(Encoding.Latin1.GetBytes(request));
        Answer answer = await visitor.ReadAnswerAsync().Within();
        answer.Text.Should().StartWith(line + "\r\n").And.NotContain("Expect");
        answer.Text.Fields("Host").Should().Equal(TunnelPair.Name);
    }

    [Fact]
    public async Task Http2Preface_IsAnsweredInHttp2AndNotedOnce()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")));
        for (int i = 0; i < 3; i++)
        {
            using ScriptedConnection visitor = await pair.VisitAsync();
            await visitor.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0");
            byte[] frames = await visitor.ReadToEndAsync().Within();
            frames[..9].Should().Equal([0, 0, 0, 4, 0, 0, 0, 0, 0], "SETTINGS comes first (RFC 9113 section 3.4)");
            frames[9..18].Should().Equal([0, 0, (byte)(frames.Length - 18), 7, 0, 0, 0, 0, 0], "and GOAWAY with all that is left");
            frames[22..26].Should().Equal([0, 0, 0, 0xD], "HTTP_1_1_REQUIRED");
        }

        pair.Log.Count(line => line.Contains("speaks HTTP/2 only", StringComparison.Ordinal)).Should().Be(1);
    }

    [Theory]
    [InlineData("HTTP/1.0", "")]
    [InlineData("HTTP/1.1", "Connection: close\r\n")]
    [InlineData("HTTP/1.1", "Connection: close\t\r\n")]
    public async Task Bytes_BehindTheLastRequest_AreDropped(string version, string connection)
    {
        var seen = new ConcurrentQueue<string>();
        await using TunnelPair pair = await TunnelPair.StartAsync(Recording(seen));
        using ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync(
            $"POST / {version}\r\nHost: {TunnelPair.Name}\r\n{connection}Content-Length: 4\r\n\r\nq=42\r\n\r\nGET{Head}\r\n");
        Answer answer = await visitor.ReadAnswerAsync().Within();
        answer.Status.Should().Be(200);
        answer["Connection"].Should().Be("close");
        (await visitor.ReadToEndAsync().Within()).Should().BeEmpty();
        seen.Should().Equal("POST q=42");
    }

    [Theory]
    [InlineData("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 204)]
    [InlineData("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 200)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 200)]
    [InlineData("HTTP/1.1 102 Processing\r\n\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 502)]
    [InlineData("\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 502)]
    [InlineData("RTSP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 502)]
    public async Task Bytes_BesideAnAnswer_ReachNoVisitor(string originAnswer, int status)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin((head, _) => head.StartsWith("GET /odd", StringComparison.Ordinal) ? originAnswer : Talk.Ok("mine")));
        using ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"GET /odd HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n");
        Answer answer = await visitor.ReadAnswerAsync().Within();
        if (answer.Status == 102)
        {
            answer = await visitor.ReadAnswerAsync().Within();
        }

        answer.Status.Should().Be(status);
        (await pair.GetAsync()).Text.Should().Be("mine");
        pair.Origin.Accepted.Count.Should().Be(2, "that connection of the origin is not used again");
    }

    private static Func<ScriptedConnection, Task> Recording(ConcurrentQueue<string> seen) => Talk.Origin((head, body) =>
    {
        seen.Enqueue($"{head.Split(' ')[0]} {Encoding.Latin1.GetString(body)}");
        head.Fields("Transfer-Encoding").Should().BeEmpty();
        return Talk.Ok("seen");
    });
}

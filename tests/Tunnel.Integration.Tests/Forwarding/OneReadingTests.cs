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

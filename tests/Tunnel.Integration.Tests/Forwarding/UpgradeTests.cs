using System.Text;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Forwarding;

/// <summary>From a 101 on both directions are bytes; without the right 101 they never are.</summary>
public sealed class UpgradeTests
{
    private const string Ask = $"GET /chat HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    private const string Switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

    [Fact]
    public async Task Upgrade_ThatTheOriginConfirms_CarriesBytesBothWays()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(EchoAsync);
        ScriptedConnection visitor = await pair.VisitAsync();

        // What is sent early is not a body and not another request.
        await visitor.WriteAsync(Ask + "early");
        Answer answer = await visitor.ReadAnswerAsync().Within();
        answer.Status.Should().Be(101);
        answer["Upgrade"].Should().Be("echo");
        answer["Connection"].Should().BeEquivalentTo("upgrade");
        Text(await visitor.ReadExactlyAsync(5).Within()).Should().Be("early");
        for (int i = 0; i < 20; i++)
        {
            await visitor.WriteAsync($"GET {i:00}\r\n\r\n");
            Text(await visitor.ReadExactlyAsync(10).Within()).Should().Be($"GET {i:00}\r\n\r\n");
        }

        visitor.EndSending();
        (await visitor.ReadToEndAsync().Within()).Should().BeEmpty();
    }

    [Fact]
    public async Task HalfClose_OfTheVisitor_LeavesTheOtherDirectionOpen()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync(Switch);
            byte[] all = await connection.ReadToEndAsync();
            await connection.WriteAsync($"got {all.Length}");
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync(Ask);
        await visitor.ReadAnswerAsync().Within();
        await visitor.WriteAsync(new byte[200_000]);
        visitor.EndSending();
        Text(await visitor.ReadToEndAsync().Within()).Should().Be("got 200000");
    }

    [Fact]
    public async Task HalfClose_OfTheOrigin_LeavesTheOtherDirectionOpen()
    {
        var received = new TaskCompletionSource<int>();
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync(Switch + "bye");
            connection.EndSending();
            received.SetResult((await connection.ReadToEndAsync()).Length);
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync(Ask);
        await visitor.ReadAnswerAsync().Within();
        Text(await visitor.ReadToEndAsync().Within()).Should().Be("bye");
        await visitor.WriteAsync(new byte[200_000]);
        visitor.EndSending();
        (await received.Task.Within()).Should().Be(200_000);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Reset_OfOneSideInRawMode_IsSeenByTheOther(bool isVisitor)
    {
        var go = new Tally();
        var ended = new TaskCompletionSource();
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync(Switch);
            if (!isVisitor)
            {
                await go.WhenAsync(1);
                connection.Reset();
                return;
            }

            await AssertBreaksAsync(connection);
            ended.SetResult();
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync(Ask);
        await visitor.ReadAnswerAsync().Within();
        if (isVisitor)
        {
            visitor.Reset();
            await ended.Task.Within();
        }
        else
        {
            go.Add();
            await AssertBreaksAsync(visitor);
        }
    }

    [Theory]
    [InlineData("Content-Length: 9\r\n\r\n{\"a\":\"b\"}")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n9 \r\n{\"a\":\"b\"}\r\n0\r\n\r\n")]
    public async Task Upgrade_WithABody_SwitchesBehindIt(string framedBody)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            string head = (await connection.ReadHeadAsync())!;
            (byte[] body, _) = await connection.ReadBodyAsync(head);
            await connection.WriteAsync(Switch + head.Field("Upgrade") + " " + Text(body) + "|");
            await connection.WriteAsync(await connection.ReadToEndAsync());
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"POST /exec HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n{framedBody}");
        (await visitor.ReadAnswerAsync().Within()).Status.Should().Be(101);
        Text(await visitor.ReadExactlyAsync(15).Within()).Should().Be("echo {\"a\":\"b\"}|");
        await visitor.WriteAsync(new byte[200_000]);
        visitor.EndSending();
        (await visitor.ReadToEndAsync().Within()).Should().HaveCount(200_000, "both directions end by themselves");
    }

    [Fact]
    public async Task Upgrade_WhoseBodyIsStillToCome_SwitchesWhenItHasCome()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();

            // Too early: nobody may speak another protocol within a message.
            await connection.WriteAsync(Switch);
            await connection.WriteAsync(await connection.ReadExactlyAsync(7));
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"POST /exec HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nConnection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 4\r\n\r\nbo");
        await pair.Origin.Accepted.WhenAsync(1);
        await visitor.WriteAsync("dyraw");
        (await visitor.ReadAnswerAsync().Within()).Status.Should().Be(101);
        Text(await visitor.ReadToEndAsync().Within()).Should().Be("bodyraw");
    }

    [Fact]
    public async Task Upgrade_WithABodyThatTheOriginDeclines_IsAnOrdinaryAnswerAndEndsThatConnection()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((_, body) => Talk.Ok(Text(body))));
        ScriptedConnection visitor = await pair.VisitAsync();
        for (int i = 0; i < 3; i++)
        {
            await visitor.WriteAsync($"POST /exec HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nConnection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 2\r\n\r\n{{}}");
            (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("{}");
        }

        pair.Origin.Accepted.Count.Should().Be(3, "an origin may have read the body otherwise, so nobody else's request follows it");
    }

    [Fact]
    public async Task Upgrade_DeclinedBeforeItsBodyHasCome_IsAnsweredAllTheSame()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync(Talk.Ok("too early"));
            await connection.ReadToEndAsync();
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"POST /exec HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nConnection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 100\r\n\r\nbo");
        Answer answer = await visitor.ReadAnswerAsync().Within();
        answer.Text.Should().Be("too early");
        answer["Connection"].Should().Be("close");
    }

    [Fact]
    public async Task Upgrade_ThatTheOriginDeclines_IsAnOrdinaryAnswer()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("no")));
        ScriptedConnection visitor = await pair.VisitAsync();
        for (int i = 0; i < 3; i++)
        {
            await visitor.WriteAsync(Ask);
            (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("no");
        }

        pair.Origin.Accepted.Count.Should().BeInRange(1, 3);
    }

    [Theory]
    [InlineData(Ask, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")]
    [InlineData(Ask, "HTTP/1.1 101 Switching Protocols\r\n\r\n")]
    [InlineData($"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n", Switch)]
    public async Task Switch_ThatNobodyAskedFor_IsNoAnswer(string request, string switching)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(switching + "HTTP/1.1 200 OK\r\n\r\n"));
        Answer answer = await pair.AskAsync(request);
        answer.Status.Should().Be(502);
        answer["Tunnel-Error"].Should().Be("origin-invalid");
    }

    [Theory]
    [InlineData("h2c")]
    [InlineData("TLS/1.2")]
    public async Task Upgrade_ToWhatWouldPassUnread_IsNotOffered(string protocol)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head.Field("Upgrade") ?? "none")));
        Answer answer = await pair.GetAsync("/", $"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n");
        answer.Text.Should().Be("none");
    }

    private static async Task EchoAsync(ScriptedConnection connection)
    {
        await connection.ReadHeadAsync();
        await connection.WriteAsync(Switch);
        while (await connection.ReadSomeAsync() is { Length: > 0 } some)
        {
            await connection.WriteAsync(some);
        }
    }

    private static async Task AssertBreaksAsync(ScriptedConnection connection)
    {
        Func<Task> read = () => connection.ReadToEndAsync().Within();
        await read.Should().ThrowAsync<IOException>();
    }

    private static string Text(byte[] bytes) => Encoding.ASCII.GetString(bytes);
}

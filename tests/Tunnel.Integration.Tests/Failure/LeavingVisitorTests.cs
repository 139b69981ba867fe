using System.Net.Sockets;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Failure;

/// <summary>A visitor that goes takes its request with it, at any moment; the pair checks that nothing is left.</summary>
public sealed class LeavingVisitorTests
{
    private const string Get = $"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n";

    [Fact]
    public async Task Reset_DuringALongPoll_EndsTheOriginsConnection()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection => await connection.ReadToEndAsync());
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync(Get);
        await pair.Origin.Accepted.WhenAsync(1);
        visitor.Reset();
        await pair.Origin.Ended.WhenAsync(1);
        await Eventually.TrueAsync(() => pair.Server.Counts.Visitors == 0);
    }

    [Fact]
    public async Task End_DuringALongPoll_EndsTheOriginsConnectionAfterAWhile()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection => await connection.ReadToEndAsync(), new PairOptions { IsTimeFake = true });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync(Get);
        await pair.Origin.Accepted.WhenAsync(1);
        visitor.Close();
        await pair.AdvanceUntilAsync(pair.Origin.Ended.WhenAsync(1));
        await Eventually.TrueAsync(() => pair.Server.Counts.Visitors == 0);
    }

    [Fact]
    public async Task HalfClose_OnAConnectionThatWasUsed_IsWaitedForAsLongAsOnAnother()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await connection.ReadHeadAsync();
                await connection.WriteAsync(Talk.Ok("first"));
                await connection.ReadToEndAsync();
            },
            new PairOptions { IsTimeFake = true });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync(Get);
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("first");
        await visitor.WriteAsync(Get);
        visitor.EndSending();
        await Eventually.TrueAsync(() => pair.Server.OpenStreams == 1);
        int seconds = 0;
        await Eventually.TrueAsync(() =>
        {
            pair.Time.Advance(TimeSpan.FromSeconds(1));
            seconds++;
            return pair.Server.Counts.Visitors == 0;
        });
        seconds.Should().BeLessThan(55, "an answer of before is no movement");
    }

    [Fact]
    public async Task HalfClose_BehindARequest_StillBringsTheAnswer()
    {
        var go = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await go.WhenAsync(1);
            await connection.WriteAsync(Talk.Ok("for you"));
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync(Get);
        visitor.EndSending();
        await pair.Origin.Accepted.WhenAsync(1);
        go.Add();
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("for you");
        (await visitor.ReadToEndAsync().Within()).Should().BeEmpty();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Leaving_DuringAnUpload_TellsTheOriginThatItIsNotWhole(bool isReset)
    {
        var broken = new TaskCompletionSource<Exception?>();
        var began = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            string head = (await connection.ReadHeadAsync())!;
            began.Add();
            broken.SetResult(await Record.ExceptionAsync(() => connection.ReadBodyAsync(head)));
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: 1000000\r\n\r\n{new string('x', 300_000)}");
        await began.WhenAsync(1);
        if (isReset)
        {
            visitor.Reset();
        }
        else
        {
            visitor.EndSending();
            (await visitor.ReadAnswerAsync().Within()).Status.Should().Be(400);
        }

        (await broken.Task.Within()).Should().BeAssignableTo<IOException>();
    }

    [Fact]
    public async Task Reset_DuringADownload_StopsTheOrigin()
    {
        var stopped = new TaskCompletionSource();
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync("HTTP/1.1 200 OK\r\n\r\n");
            await Record.ExceptionAsync(() => PourAsync(connection));
            stopped.SetResult();
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync(Get);
        await visitor.ReadExactlyAsync(1_000_000).Within();
        visitor.Reset();
        await stopped.Task.Within();
    }

    [Fact]
    public async Task Visitor_ThatStopsReading_CostsItsWindowAndNobodyElseAThing()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            while (await connection.ReadHeadAsync() is { } head)
            {
                if (head.StartsWith("GET /endless", StringComparison.Ordinal))
                {
                    await connection.WriteAsync("HTTP/1.1 200 OK\r\n\r\n");
                    await PourAsync(connection);
                }

                await connection.WriteAsync(Talk.Ok("quick"));
            }
        });
        ScriptedConnection stalled = await pair.VisitAsync();
        stalled.Socket.ReceiveBufferSize = 8192;
        await stalled.WriteAsync($"GET /endless HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n");
        await stalled.ReadHeadAsync().Within();
        for (int i = 0; i < 300; i++)
        {
            (await pair.GetAsync($"/{i}")).Text.Should().Be("quick");
        }

        // Before the system's buffers were full the window may have grown to its 8 MiB; blocks of streams hold 4 KiB or more.
        long blocks = pair.Server.RentedBlocks + pair.Agent.Counts.Blocks;
        blocks.Should().BeLessThan((8 * 1024 / 4) + 300);
        stalled.Reset();
        await pair.Origin.Ended.WhenAsync(1);
    }

    [Fact]
    public async Task Preconnect_WithoutAByte_IsClosedWithoutAWord()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions { IsTimeFake = true });
        ScriptedConnection silent = await pair.VisitAsync();
        Task<byte[]> reading = silent.ReadToEndAsync();
        await pair.AdvanceUntilAsync(reading);
        (await reading).Should().BeEmpty();
        ScriptedConnection leaving = await pair.VisitAsync();
        leaving.EndSending();
        (await leaving.ReadToEndAsync().Within()).Should().BeEmpty();
    }

    [Fact]
    public async Task Head_ThatDoesNotEndInTime_IsAnsweredAndClosed()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions { IsTimeFake = true });
        ScriptedConnection slow = await pair.VisitAsync();
        await slow.WriteAsync("GET / HTTP/1.1\r\nHo");
        Task<Answer> reading = slow.ReadAnswerAsync();
        await pair.AdvanceUntilAsync(reading);
        Answer answer = await reading;
        answer.Status.Should().Be(408);
        answer["Tunnel-Error"].Should().Be("request-rejected");
    }

    [Fact]
    public async Task KeptConnection_ThatIsIdle_IsClosedInTheEndAndNotBefore()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions { IsTimeFake = true });
        ScriptedConnection visitor = await pair.VisitAsync();
        for (int i = 0; i < 3; i++)
        {
            await visitor.WriteAsync(Get);
            (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("x");
            pair.Time.Advance(TimeSpan.FromSeconds(70));
        }

        Task<byte[]> reading = visitor.ReadToEndAsync();
        await pair.AdvanceUntilAsync(reading);
        (await reading).Should().BeEmpty();
    }

    [Fact]
    public async Task Visitors_ThatLeaveAtAnyMoment_LeaveNothingBehind()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            while (await connection.ReadHeadAsync() is { } head)
            {
                (byte[] body, _) = await connection.ReadBodyAsync(head);
                await connection.WriteAsync($"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                await connection.WriteChunkAsync(new string('y', 100 + body.Length));
                await connection.WriteAsync("0\r\n\r\n");
            }
        });
        string request = $"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: 40\r\n\r\n{new string('x', 40)}";
        await Task.WhenAll(Enumerable.Range(0, 300).Select(async i =>
        {
            ScriptedConnection visitor = await pair.VisitAsync();
            await visitor.WriteAsync(request[..(i * request.Length / 300)] + (i % 2 == 0 ? "" : request));
            if (i % 3 == 0)
            {
                visitor.Reset();
            }
            else
            {
                visitor.Close();
            }
        })).Within();
        (await pair.AskAsync(request)).Text.Should().HaveLength(140);
    }

    private static async Task PourAsync(ScriptedConnection connection)
    {
        byte[] piece = new byte[64 * 1024];
        while (true)
        {
            await connection.Socket.SendAsync(piece, SocketFlags.None, connection.Stopped);
        }
    }
}

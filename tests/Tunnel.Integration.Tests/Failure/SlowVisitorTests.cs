using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Failure;

/// <summary>Visitors that hold on to what they announced (docs/operating.md, "Limits", least rate).</summary>
public sealed class SlowVisitorTests
{
    private static readonly PairOptions Fake = new() { IsTimeFake = true };

    [Fact]
    public async Task Upload_ThatStalls_IsAnsweredWith408()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), Fake);
        using ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: 100\r\n\r\nsome");
        Task<Answer> reading = visitor.ReadAnswerAsync();
        await pair.AdvanceUntilAsync(reading);
        Answer answer = await reading;
        answer.Status.Should().Be(408);
        answer["Tunnel-Error"].Should().Be("request-rejected");
        answer["Connection"].Should().Be("close");
    }

    [Fact]
    public async Task Upload_InChunks_MayBeQuietBetweenThem()
    {
        var heard = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await connection.ReadHeadAsync();
                await connection.ReadChunkAsync();
                heard.Add();
                await connection.ReadChunkAsync();
                await connection.ReadChunkAsync();
                await connection.ReadLineAsync();
                await connection.WriteAsync(Talk.Ok("whole"));
            },
            Fake);
        using ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nTransfer-Encoding: chunked\r\n\r\n");
        await visitor.WriteChunkAsync("one");
        await heard.WhenAsync(1);
        for (int second = 0; second < 60; second++)
        {
            pair.Time.Advance(TimeSpan.FromSeconds(1));
        }

        await visitor.WriteChunkAsync("two");
        await visitor.WriteAsync("0\r\n\r\n");
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("whole");
    }

    [Fact]
    public async Task Upload_ThatWaitsForItsContinue_IsNotSlow()
    {
        var asked = new Tally();
        var mayGo = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                string head = (await connection.ReadHeadAsync())!;
                asked.Add();
                await mayGo.Task;
                await connection.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n");
                await connection.ReadBodyAsync(head);
                await connection.WriteAsync(Talk.Ok("got it"));
            },
            Fake);
        using ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        await asked.WhenAsync(1);
        for (int second = 0; second < 60; second++)
        {
            pair.Time.Advance(TimeSpan.FromSeconds(1));
        }

        mayGo.SetResult();
        (await visitor.ReadAnswerAsync().Within()).Status.Should().Be(100);
        await visitor.WriteAsync("body");
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("got it");
    }

    [Fact]
    public async Task Reader_ThatStopsReading_IsCutInTime()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await connection.ReadHeadAsync();
                await connection.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                string piece = new('x', 64 * 1024);
                while (true)
                {
                    await connection.WriteChunkAsync(piece);
                }
            },
            Fake);
        using ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n");
        (await visitor.ReadHeadAsync()).Should().StartWith("HTTP/1.1 200");
        Task gone = Eventually.TrueAsync(() => pair.Server.Counts.Visitors == 0);
        await pair.AdvanceUntilAsync(gone);
    }
}

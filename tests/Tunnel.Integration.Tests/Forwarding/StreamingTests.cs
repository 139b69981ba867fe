using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Forwarding;

/// <summary>What is sent piece by piece arrives piece by piece: each side waits for the other's last piece.</summary>
public sealed class StreamingTests
{
    private const string ChunkedPost = $"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nTransfer-Encoding: chunked\r\n";

    [Fact]
    public async Task Event_OfAnEventStream_ArrivesBeforeTheNextIsSent()
    {
        var seen = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
            for (int i = 0; i < 10; i++)
            {
                await connection.WriteAsync($"data: {i}\n\n");
                await seen.WhenAsync(i + 1);
            }
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n");
        await visitor.ReadHeadAsync().Within();
        for (int i = 0; i < 10; i++)
        {
            System.Text.Encoding.ASCII.GetString(await visitor.ReadChunkAsync().Within()).Should().Be($"data: {i}\n\n");
            seen.Add();
        }

        (await visitor.ReadChunkAsync().Within()).Should().BeEmpty();
    }

    [Fact]
    public async Task Upload_InChunks_ArrivesChunkByChunk()
    {
        var seen = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            for (int i = 0; i < 10; i++)
            {
                System.Text.Encoding.ASCII.GetString(await connection.ReadChunkAsync()).Should().Be($"piece {i}");
                seen.Add();
            }

            (await connection.ReadChunkAsync()).Should().BeEmpty();
            await connection.ReadLineAsync();
            await connection.WriteAsync(Talk.Ok("all"));
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync(ChunkedPost + "\r\n");
        for (int i = 0; i < 10; i++)
        {
            await visitor.WriteChunkAsync($"piece {i}");
            await seen.WhenAsync(i + 1);
        }

        await visitor.WriteAsync("0\r\n\r\n");
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("all");
    }

    [Fact]
    public async Task Body_InBothDirectionsAtOnce_IsAConversation()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while (await connection.ReadChunkAsync() is { Length: > 0 } chunk)
            {
                await connection.WriteChunkAsync("echo " + System.Text.Encoding.ASCII.GetString(chunk));
            }

            await connection.ReadLineAsync();
            await connection.WriteAsync("0\r\n\r\n");
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync(ChunkedPost + "\r\n");
        (await visitor.ReadHeadAsync().Within()).Should().StartWith("HTTP/1.1 200");
        for (int i = 0; i < 5; i++)
        {
            await visitor.WriteChunkAsync($"{i}");
            System.Text.Encoding.ASCII.GetString(await visitor.ReadChunkAsync().Within()).Should().Be($"echo {i}");
        }

        await visitor.WriteAsync("0\r\n\r\n");
        (await visitor.ReadChunkAsync().Within()).Should().BeEmpty();
    }

    [Fact]
    public async Task GrpcWeb_MessagesAsTheyComeAndTheStatusInTrailers_PassAsTheyAre()
    {
        var seen = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            string head = (await connection.ReadHeadAsync())!;
            head.Should().Contain("TE: trailers").And.Contain("application/grpc-web+proto");
            await connection.ReadExactlyAsync(7);
            await connection.WriteAsync(
                "HTTP/1.1 200 OK\r\nContent-Type: application/grpc-web+proto\r\nTrailer: grpc-status\r\nTransfer-Encoding: chunked\r\n\r\n");
            for (int i = 0; i < 5; i++)
            {
                await connection.WriteChunkAsync($"\0\0\0\0\u0002m{i}");
                await seen.WhenAsync(i + 1);
            }

            await connection.WriteAsync("0\r\ngrpc-status: 0\r\ngrpc-message: fine\r\n\r\n");
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync(
            $"POST /service/Method HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nTE: trailers\r\nConnection: TE\r\nContent-Type: application/grpc-web+proto\r\nContent-Length: 7\r\n\r\n\0\0\0\0\u0002hi");
        (await visitor.ReadHeadAsync().Within()).Should().Contain("Trailer: grpc-status");
        for (int i = 0; i < 5; i++)
        {
            System.Text.Encoding.ASCII.GetString(await visitor.ReadChunkAsync().Within()).Should().Be($"\0\0\0\0\u0002m{i}");
            seen.Add();
        }

        (await visitor.ReadChunkAsync().Within()).Should().BeEmpty();
        (await visitor.ReadLineAsync().Within()).Should().Be("grpc-status: 0");
        (await visitor.ReadLineAsync().Within()).Should().Be("grpc-message: fine");
    }

    [Fact]
    public async Task LongPoll_ThatIsAnsweredMinutesLater_IsAnsweredOnTheSameConnection()
    {
        var asked = new Tally();
        var news = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                while (await connection.ReadHeadAsync() is not null)
                {
                    asked.Add();
                    await news.Task;
                    await connection.WriteAsync(Talk.Ok("news"));
                }
            },
            new PairOptions { IsTimeFake = true });
        ScriptedConnection visitor = await pair.VisitAsync();
        string get = $"GET /poll HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n";
        await visitor.WriteAsync(get);
        await asked.WhenAsync(1);

        // Longer than any of our limits for a visitor, shorter than the origin's for its answer.
        await pair.PassAsync(TimeSpan.FromMinutes(8));
        news.SetResult();
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("news");
        await visitor.WriteAsync(get);
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("news");
    }

    [Fact]
    public async Task Expectation_OfContinue_IsAnsweredByTheOriginBeforeTheBody()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            string head = (await connection.ReadHeadAsync())!;
            head.Field("Expect").Should().Be("100-continue");
            await connection.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n");
            (byte[] body, _) = await connection.ReadBodyAsync(head);
            await connection.WriteAsync(Talk.Ok(System.Text.Encoding.ASCII.GetString(body)));
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        (await visitor.ReadAnswerAsync().Within()).Status.Should().Be(100);
        await visitor.WriteAsync("body");
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("body");
    }

    [Fact]
    public async Task InterimAnswers_ReachWhoKnowsThem()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(
            "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" + Talk.Ok("done")));
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n");
        Answer hints = await visitor.ReadAnswerAsync().Within();
        hints.Status.Should().Be(103);
        hints["Link"].Should().Be("</style.css>");
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("done");
        (await pair.AskAsync($"GET / HTTP/1.0\r\nHost: {TunnelPair.Name}\r\n\r\n")).Text.Should().Be("done");
    }

    [Fact]
    public async Task Answer_BeforeTheUploadIsOver_CanBeReadAndClosesTheConnection()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync("HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\nConnection: close\r\n\r\ntoo big");
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: 100000000\r\n\r\n");
        Task<bool> uploading = UploadAsync(visitor, 3_000_000);
        Answer answer = await visitor.ReadAnswerAsync().Within();
        answer.Status.Should().Be(413);
        answer.Text.Should().Be("too big");
        answer["Connection"].Should().Be("close");
        (await visitor.ReadToEndAsync().Within()).Should().BeEmpty();
        (await uploading.Within()).Should().BeTrue("what is still sent is taken until the visitor has seen the answer");
    }

    private static async Task<bool> UploadAsync(ScriptedConnection visitor, int bytes)
    {
        byte[] piece = new byte[100_000];
        for (int sent = 0; sent < bytes; sent += piece.Length)
        {
            await visitor.WriteAsync(piece);
        }

        return true;
    }
}

using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Framing.Tests.Sessions;

namespace Tunnel.Framing.Tests.Resume;

/// <summary>
/// Streams whose OPEN had not got its place when the link was lost: they are their opener's again, once, and the peer
/// never hears of them. Those that had it, or whose user has pinned them, stay.
/// </summary>
public sealed class UntriedStreamTests
{
    [Fact]
    public async Task Detached_OpenThatNeverLeft_IsNotProcessed_AndNoIdIsSpentOnIt()
    {
        await using var pair = new ResumablePair();
        MemoryLink link = await JamAsync(pair);
        TunnelStream flushed = await OpenAsync(pair, "flushed");
        TunnelStream untouched = pair.Open()!;
        TunnelStream pinned = await OpenAsync(pair, "pinned");
        pinned.TryPin().Should().BeTrue();
        Task<byte[]> reading = flushed.Input.TakeAllAsync();
        link.Cut();
        Func<Task> read = () => reading.Within();
        (await read.Should().ThrowAsync<StreamResetException>()).Which.Code.Should().Be(ResetCode.NotProcessed);
        await Until.TrueAsync(() => untouched.ResetCode is not null);
        (flushed.Id, flushed.ResetCode, untouched.ResetCode, pinned.ResetCode)
            .Should().Be((0U, ResetCode.NotProcessed, ResetCode.NotProcessed, (ResetCode?)null));
        pair.Server.OpenStreams.Should().Be(1, "their slots are free at once");
        (await flushed.Output.FlushAsync().Within()).IsCompleted.Should().BeTrue();
        flushed.Dispose();
        untouched.Dispose();

        await pair.ConnectAsync();
        TunnelStream served = await pair.AgentUser.NextStreamAsync();
        served.Id.Should().Be(2U);
        (await served.Input.TakeTextAsync(6)).Should().Be("pinned");
        pair.Agent.Account.Opened.Should().Be(1);
        served.Dispose();
        pinned.Dispose();
    }

    [Fact]
    public async Task Detached_OpenThatHasItsPlace_StaysWithTheSession()
    {
        await using var pair = new ResumablePair();
        var link = new MemoryLink();
        _ = pair.Server.AttachAsync(link.A, peerCount: 0);
        await Until.TrueAsync(() => pair.Server.IsAttached);
        TunnelStream stream = await OpenAsync(pair, "sequenced");
        await Until.TrueAsync(() => stream.Id != 0);
        link.Cut(new IOException("It never arrived."));
        await pair.ConnectAsync();
        stream.ResetCode.Should().BeNull("the peer may have it");
        TunnelStream served = await pair.AgentUser.NextStreamAsync();
        (await served.Input.TakeTextAsync(9)).Should().Be("sequenced");
        served.Dispose();
        stream.Dispose();
    }

    [Fact]
    public async Task Stuck_StreamsThatComeAndGo_LeaveNothingBehind()
    {
        await using var pair = new ResumablePair();
        MemoryLink link = await JamAsync(pair);
        TunnelStream stays = await OpenAsync(pair, "stays");
        for (int i = 0; i < 2_000; i++)
        {
            (await OpenAsync(pair, "leaves")).Dispose();
        }

        FairQueue<LiveStream> waiting = pair.Server.Streams.Queue.Streams;
        waiting.Take().Should().BeSameAs(stays.Live);
        waiting.IsEmpty.Should().BeTrue("whoever left is not remembered while the link is stuck");
        stays.Dispose();
        link.Cut();
    }

    [Fact]
    public async Task Stuck_FinishedStreamThatIsAbortedAfterAll_StandsForTheNext()
    {
        await using var pair = new ResumablePair();
        MemoryLink link = await JamAsync(pair);
        TunnelStream finished = await OpenAsync(pair, "finished");
        await finished.Output.CompleteAsync();
        finished.Dispose();
        finished.Abort(ResetCode.Cancelled);
        TunnelStream next = await OpenAsync(pair, "next");
        next.Live.Should().BeSameAs(finished.Live);
        next.Dispose();
        link.Cut();
    }

    [Fact]
    public async Task Detached_UserThatWaitsForRoom_GoesOn()
    {
        await using var pair = new ResumablePair();
        MemoryLink link = await JamAsync(pair);
        TunnelStream stream = pair.Open()!;
        ValueTask<FlushResult> flush = default;
        while (flush.IsCompleted)
        {
            stream.Output.Write(new byte[16 * 1024]);
            flush = stream.Output.FlushAsync();
        }

        link.Cut();
        (await flush.AsTask().Within()).IsCompleted.Should().BeTrue();
        stream.ResetCode.Should().Be(ResetCode.NotProcessed);
        stream.TryPin().Should().BeFalse("it is its opener's already");
        stream.Dispose();
    }

    [Fact]
    public async Task Visitor_ThatLeavesAroundTheLoss_EndsTheStreamOnce()
    {
        await using var pair = new ResumablePair();
        MemoryLink link = await JamAsync(pair);
        TunnelStream before = await OpenAsync(pair, "leaves before");
        TunnelStream after = await OpenAsync(pair, "leaves after");
        int told = 0;
        before.WhenAborted(_ => Interlocked.Increment(ref told), null);
        after.WhenAborted(_ => Interlocked.Increment(ref told), null);
        before.Abort(ResetCode.Cancelled);
        link.Cut();
        await Until.TrueAsync(() => after.ResetCode is not null);
        after.Abort(ResetCode.Cancelled);
        (before.ResetCode, after.ResetCode).Should().Be((ResetCode.Cancelled, ResetCode.NotProcessed));
        before.Dispose();
        after.Dispose();
        await pair.ConnectAsync();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        (server.Id, pair.Agent.Account).Should().Be((2U, new StreamAccount(1, 0, 0)));
        told.Should().Be(1, "whoever aborts a stream is not told of it");
        server.Dispose();
        agent.Dispose();
    }

    [Fact]
    public async Task Detached_PinnedStream_EndsWithTheSession()
    {
        await using var pair = new ResumablePair();
        MemoryLink link = await JamAsync(pair);
        TunnelStream pinned = await OpenAsync(pair, "pinned");
        pinned.TryPin().Should().BeTrue();
        link.Cut();
        await Until.TrueAsync(() => !pair.Server.IsAttached);
        pinned.ResetCode.Should().BeNull();
        pair.Server.Close(CloseCode.Replaced, "somebody took over");
        await pair.ServerRun.Within();
        pinned.ResetCode.Should().Be(ResetCode.NotProcessed, "nobody has seen it");
        pinned.Dispose();
    }

    [Fact]
    public async Task Loss_AmongUsersThatOpenAndLeave_LosesNoStreamAndShowsNoneTwice()
    {
        const int Attempts = 100;

        // The writer loop, the loss and the visitors meet in any order; each stream has one fate.
        await using var pair = new ResumablePair();
        await pair.ConnectAsync();
        int served = 0;
        int untried = 0;
        int left = 0;
        Task serving = Task.Run(async () =>
        {
            while (true)
            {
                TunnelStream stream = await pair.AgentUser.TakeStreamAsync();
                if (stream.Open.TunnelId == uint.MaxValue)
                {
                    stream.Dispose();
                    return;
                }

                _ = Task.Run(async () =>
                {
                    try
                    {
                        await stream.Output.SendAsync(Encoding.UTF8.GetString(await stream.Input.TakeAllAsync()));
                        await stream.Output.CompleteAsync();
                    }
                    catch (StreamResetException)
                    {
                        // Its visitor left.
                    }

                    stream.Dispose();
                });
            }
        });
        bool isOver = false;
        Task cutting = Task.Run(async () =>
        {
            var random = new Random(99);
            while (!Volatile.Read(ref isOver))
            {
                MemoryLink link = await pair.ConnectAsync();
                for (int steps = random.Next(100); steps > 0; steps--)
                {
                    await Task.Yield();
                }

                link.Cut(new IOException("cut"));

                // A PING for each link: at once they would be a flood.
                pair.Time.Advance(TimeSpan.FromMilliseconds(10));
            }
        });
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            var random = new Random(worker);
            for (int i = 0; i < Attempts;)
            {
                if (pair.Open() is not { } stream)
                {
                    await Task.Yield();
                    continue;
                }

                i++;
                try
                {
                    await stream.Output.SendAsync($"{worker}/{i}");
                    await stream.Output.CompleteAsync();
                    if (random.Next(4) == 0)
                    {
                        stream.Abort(ResetCode.Cancelled);
                        Interlocked.Increment(ref left);
                    }
                    else
                    {
                        Encoding.UTF8.GetString(await stream.Input.TakeAllAsync()).Should().Be($"{worker}/{i}");
                        Interlocked.Increment(ref served);
                    }
                }
                catch (StreamResetException reset)
                {
                    (reset.Code, stream.Id).Should().Be((ResetCode.NotProcessed, 0U));
                    Interlocked.Increment(ref untried);
                }

                stream.Dispose();
            }
        }))).Within();
        Volatile.Write(ref isOver, true);
        await cutting.Within();
        await pair.ConnectAsync();
        (served + untried + left).Should().Be(8 * Attempts);
        TunnelStream last = pair.Server.TryOpen(new OpenHeader(StreamType.Http, VisitorScheme.Http, uint.MaxValue, default, 0))!;
        await last.Output.CompleteAsync();
        await serving.Within();
        pair.Agent.Account.Opened.Should().Be(last.Id / 2, "every id that was spent has been seen, once");
        last.Dispose();
        await Until.TrueAsync(() =>
        {
            pair.Time.Advance(TimeSpan.FromMilliseconds(100));
            return pair.Server.OpenStreams == 0;
        });
    }

    // A link that has taken what it takes: whatever is opened now waits for the writer loop.
    private static async Task<MemoryLink> JamAsync(ResumablePair pair)
    {
        var link = new MemoryLink(new MemoryLinkOptions { PauseAt = 1 });
        _ = pair.Server.AttachAsync(link.A, peerCount: 0);
        await Until.TrueAsync(() => pair.Server.IsAttached);

        // The loop has gathered its first PING, and waits for somebody to read it.
        (await link.B.Input.ReadAsync().AsTask().Within()).Buffer.Length.Should().Be(FrameHeader.Size + sizeof(ulong));
        return link;
    }

    private static async Task<TunnelStream> OpenAsync(ResumablePair pair, string text)
    {
        TunnelStream stream = pair.Open()!;
        await stream.Output.SendAsync(text);
        return stream;
    }
}

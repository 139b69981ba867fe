using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Sessions;

/// <summary>What stands behind a stream is used again, and whoever comes late reaches nothing of the next life.</summary>
public sealed class LiveStreamTests
{
    [Fact]
    public async Task Ended_IsUsedAgain_AsNew()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream first = await LiveAndEndAsync(session, 2);
        using TunnelStream second = await session.AcceptAsync(id: 4, firstBytes: "second");
        second.Live.Should().BeSameAs(first.Live);
        second.Should().NotBeSameAs(first);
        (second.Id, second.ResetCode, second.Progress, second.HasReachedPeer).Should().Be((4u, null, StreamProgress.Waiting, true));
        (first.Id, first.HasReachedPeer).Should().Be((2u, true));
        await ServeAsync(session, second);
    }

    [Fact]
    public async Task User_AfterItsStreamsLife_ReachesNothingOfTheNext()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream first = await LiveAndEndAsync(session, 2);
        using TunnelStream second = await session.AcceptAsync(id: 4, firstBytes: "second");
        second.Live.Should().BeSameAs(first.Live);

        first.Abort(ResetCode.InternalError, "late");
        first.TryPin().Should().BeFalse();
        first.Output.CancelPendingFlush();
        (await first.Output.FlushAsync().Within()).IsCompleted.Should().BeTrue();
        FluentActions.Invoking(() => first.Output.GetMemory(1)).Should().Throw<ObjectDisposedException>();
        first.Output.Complete(new InvalidOperationException("late"));
        first.Input.CancelPendingRead();
        first.Input.AdvanceTo(default);
        FluentActions.Invoking(() => first.Input.TryRead(out _)).Should().Throw<InvalidOperationException>();
        first.Input.Complete();
        first.Dispose();
        await ServeAsync(session, second);
    }

    [Fact]
    public async Task ReaderLoop_WithAFrameForTheLifeBefore_DropsIt()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream first = await LiveAndEndAsync(session, 2);
        using TunnelStream second = await session.AcceptAsync(id: 4, firstBytes: "second");
        second.Live.Should().BeSameAs(first.Live);

        // It has found the stream, and loses the race for its lock against the end of one life and the beginning of another.
        int window = second.Live.SendWindow.Available;
        second.Live.Receive(new FrameHeader(2, FrameKind.Data, 4), new ReadOnlySequence<byte>("late"u8.ToArray())).Should().BeFalse();
        second.Live.ReceiveCredit(2, 1_000).Should().BeFalse();
        second.Live.ReceiveReset(2, ResetCode.Cancelled, "late");
        second.Live.SendWindow.Available.Should().Be(window);
        await ServeAsync(session, second);
    }

    [Fact]
    public async Task Read_ThatNobodyTookTheResultOf_KeepsItFromBeingUsedAgain()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream first = await session.AcceptAsync(id: 2);
        ValueTask<ReadResult> read = first.Input.ReadAsync();
        first.Dispose();
        await session.Peer.ExpectAsync(FrameKind.Reset);
        await session.Peer.SendResetAsync(2, (ushort)ResetCode.Cancelled);
        await session.SettleAsync();
        using TunnelStream second = await session.AcceptAsync(id: 4, firstBytes: "second");
        second.Live.Should().NotBeSameAs(first.Live);
        await FluentActions.Awaiting(() => read.AsTask().Within()).Should().ThrowAsync<StreamResetException>();
        await ServeAsync(session, second);
    }

    [Fact]
    public async Task ResetThatWaitsForItsTurn_IsSentBeforeTheStreamIsUsedAgain()
    {
        await using var session = new RawSession(LinkRole.Agent);
        for (uint id = 2; id < 200; id += 2)
        {
            TunnelStream stream = await session.AcceptAsync(id, fin: true);
            stream.Abort(ResetCode.OriginRefused, $"of {id}");
            stream.Dispose();
            RawFrame reset = await session.Peer.ExpectAsync(FrameKind.Reset);
            (reset.StreamId, reset.Code, reset.Sentence).Should().Be((id, (ushort)ResetCode.OriginRefused, $"of {id}"));
        }
    }

    [Fact]
    public async Task LateUsers_WhileOthersComeAndGo_HarmNobody()
    {
        var link = new MemoryLink();
        var late = new ConcurrentQueue<TunnelStream>();
        var echoed = new ConcurrentQueue<TunnelStream>();
        SessionPair pair = SessionPair.Start(link.A, link.B, serve: stream => Task.Run(() => EchoAsync(stream, echoed)));
        using var stop = new CancellationTokenSource();
        Task harming = Task.Run(() => HarmAsync(late, stop.Token));
        var lives = new HashSet<object>();
        for (int round = 0; round < 300; round++)
        {
            Task<TunnelStream>[] asking = [.. Enumerable.Range(0, 8).Select(i => AskAsync(pair, $"round {round} of {i}"))];
            foreach (TunnelStream stream in await Task.WhenAll(asking).Within())
            {
                lives.Add(stream.Live);
                late.Enqueue(stream);
            }

            // Their last bytes have arrived, so these are over too.
            while (echoed.TryDequeue(out TunnelStream? stream))
            {
                late.Enqueue(stream);
            }
        }

        await stop.CancelAsync();
        await harming.Within();
        lives.Count.Should().BeLessThan(300, "most of the 2,400 streams stand on what others have left");
        pair.Server.Close(CloseCode.Normal, "");
        await pair.ServerRun.Within();
        await pair.AgentRun.Within();
    }

    private static async Task<TunnelStream> LiveAndEndAsync(RawSession session, uint id)
    {
        TunnelStream stream = await session.AcceptAsync(id, firstBytes: "first", fin: true);
        await stream.Output.WriteAsync("answer"u8.ToArray());
        await stream.Output.CompleteAsync();
        stream.Dispose();
        while (!(await session.Peer.ExpectAsync(FrameKind.Data)).IsFin)
        {
        }

        await session.SettleAsync();
        return stream;
    }

    private static async Task ServeAsync(RawSession session, TunnelStream stream)
    {
        await session.Peer.SendAsync(stream.Id, FrameKind.Data, " request", fin: true);
        (await stream.Input.TakeTextAsync("second request".Length)).Should().Be("second request");
        await stream.Output.WriteAsync("second answer"u8.ToArray());
        RawFrame answer = await session.Peer.ExpectAsync(FrameKind.Data, FrameKind.Reset);
        (answer.StreamId, answer.Kind, answer.Text).Should().Be((stream.Id, FrameKind.Data, "second answer"));
        stream.ResetCode.Should().BeNull();
        await stream.Output.CompleteAsync();
    }

    private static async Task<TunnelStream> AskAsync(SessionPair pair, string words)
    {
        TunnelStream stream = pair.Open();
        await stream.Output.WriteAsync(Encoding.UTF8.GetBytes(words));
        await stream.Output.CompleteAsync();
        Encoding.UTF8.GetString(await stream.Input.TakeAllAsync()).Should().Be(words);
        stream.Dispose();
        return stream;
    }

    private static async Task EchoAsync(TunnelStream stream, ConcurrentQueue<TunnelStream> echoed)
    {
        byte[] words = await stream.Input.TakeAllAsync();
        echoed.Enqueue(stream);
        await stream.Output.WriteAsync(words);
        await stream.Output.CompleteAsync();
        stream.Dispose();
    }

    private static async Task HarmAsync(ConcurrentQueue<TunnelStream> late, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            if (!late.TryDequeue(out TunnelStream? stream))
            {
                await Task.Yield();
                continue;
            }

            stream.Abort(ResetCode.InternalError, "late");
            stream.Input.CancelPendingRead();
            stream.Output.CancelPendingFlush();
            await stream.Output.FlushAsync(CancellationToken.None);
            stream.Dispose();
        }
    }
}

using System.Buffers;
using System.IO.Pipelines;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Sessions;

/// <summary>What a stream's input owes to whoever knows pipes.</summary>
public sealed class StreamInputTests
{
    [Fact]
    public async Task Read_NothingNewSinceItWasExamined_WaitsForMore()
    {
        await using var session = new RawSession(LinkRole.Agent);
        using TunnelStream stream = await session.AcceptAsync(firstBytes: "abc");
        ReadResult first = await stream.Input.ReadAsync();
        stream.Input.AdvanceTo(first.Buffer.Start, first.Buffer.End);
        ValueTask<ReadResult> second = stream.Input.ReadAsync();
        second.IsCompleted.Should().BeFalse();
        await session.Peer.SendAsync(2, FrameKind.Data, "def");
        ReadResult all = await second.AsTask().Within();
        all.Buffer.ToArray().Should().Equal("abcdef"u8.ToArray());
        stream.Input.AdvanceTo(all.Buffer.GetPosition(2));
        stream.Input.TryRead(out ReadResult rest).Should().BeTrue();
        rest.Buffer.ToArray().Should().Equal("cdef"u8.ToArray());
        stream.Input.AdvanceTo(rest.Buffer.End);
    }

    [Fact]
    public async Task Read_AcrossBlocks_IsOneSequenceAndGivesThemBackAsTheyAreTaken()
    {
        await using var session = new RawSession(LinkRole.Agent);
        using TunnelStream stream = await session.AcceptAsync();
        byte[] bytes = [.. Enumerable.Range(0, 30_000).Select(i => (byte)i)];
        for (int i = 0; i < 6; i++)
        {
            await session.Peer.SendAsync(2, FrameKind.Data, bytes.AsSpan(i * 5_000, 5_000));
        }

        await session.SettleAsync();
        ReadResult all = await stream.Input.ReadAsync();
        all.Buffer.IsSingleSegment.Should().BeFalse();
        all.Buffer.ToArray().Should().Equal(bytes);
        long rented = session.Pool.RentedBytes;

        // More than the CREDIT that this grants may take meanwhile.
        stream.Input.AdvanceTo(all.Buffer.GetPosition(29_000));
        session.Pool.RentedBytes.Should().BeLessThan(rented);
        (await stream.Input.TakeAsync(1_000)).Should().Equal(bytes[29_000..]);
    }

    [Fact]
    public async Task Read_CancelPending_ReturnsOnceWithoutLosingAnything()
    {
        await using var session = new RawSession(LinkRole.Agent);
        using TunnelStream stream = await session.AcceptAsync();
        ValueTask<ReadResult> read = stream.Input.ReadAsync();
        stream.Input.CancelPendingRead();
        ReadResult canceled = await read.AsTask().Within();
        (canceled.IsCanceled, canceled.IsCompleted, canceled.Buffer.Length).Should().Be((true, false, 0));

        // Bytes that come while the empty result is held are not skipped by advancing over it.
        await session.Peer.SendAsync(2, FrameKind.Data, "abc");
        await session.SettleAsync();
        stream.Input.AdvanceTo(canceled.Buffer.End);
        (await stream.Input.TakeTextAsync(3)).Should().Be("abc");
    }

    [Fact]
    public async Task Read_TokenCancelled_ThrowsAndTheNextReadWorks()
    {
        await using var session = new RawSession(LinkRole.Agent);
        using TunnelStream stream = await session.AcceptAsync();
        using var stop = new CancellationTokenSource();
        Task<ReadResult> read = stream.Input.ReadAsync(stop.Token).AsTask();
        await stop.CancelAsync();
        await FluentActions.Awaiting(() => read.Within()).Should().ThrowAsync<OperationCanceledException>();
        await session.Peer.SendAsync(2, FrameKind.Data, "abc");
        (await stream.Input.TakeTextAsync(3)).Should().Be("abc");
    }

    [Fact]
    public async Task Read_TwiceAtOnce_OrWithoutAdvancing_IsRefused()
    {
        await using var session = new RawSession(LinkRole.Agent);
        using TunnelStream stream = await session.AcceptAsync();
        ValueTask<ReadResult> read = stream.Input.ReadAsync();
        FluentActions.Invoking(() => stream.Input.TryRead(out _)).Should().Throw<InvalidOperationException>();
        await session.Peer.SendAsync(2, FrameKind.Data, "abc");
        ReadResult result = await read.AsTask().Within();
        FluentActions.Invoking(() => stream.Input.TryRead(out _)).Should().Throw<InvalidOperationException>();
        stream.Input.AdvanceTo(result.Buffer.End);
        FluentActions.Invoking(() => stream.Input.AdvanceTo(result.Buffer.End)).Should().NotThrow("nothing is held, nothing is taken");
    }

    [Fact]
    public async Task Complete_WhileAReadIsPending_EndsIt()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync();
        Task<ReadResult> reading = stream.Input.ReadAsync().AsTask();
        stream.Input.Complete();
        await FluentActions.Awaiting(() => reading.Within()).Should().ThrowAsync<InvalidOperationException>().WithMessage("*completed*");

        // What comes now is dropped, and nobody is woken for it.
        await session.Peer.SendAsync(2, FrameKind.Data, "late", fin: true);
        await session.SettleAsync();
        await stream.Output.CompleteAsync();
        stream.Dispose();
        await session.Peer.ExpectAsync(FrameKind.Data);
    }

    [Fact]
    public async Task Reset_WithBytesUnread_IsThrownAtOnce()
    {
        await using var session = new RawSession(LinkRole.Agent);
        using TunnelStream stream = await session.AcceptAsync(firstBytes: "abc");
        await session.Peer.SendResetAsync(2, (ushort)ResetCode.Cancelled, "gone");
        await session.SettleAsync();
        (await FluentActions.Awaiting(() => stream.Input.ReadAsync().AsTask()).Should().ThrowAsync<StreamResetException>())
            .Which.Code.Should().Be(ResetCode.Cancelled);
    }

    [Fact]
    public async Task Complete_WhileHeldOrUnread_GivesAllMemoryBackAndDropsWhatStillComes()
    {
        await using var session = new RawSession(LinkRole.Agent);
        using TunnelStream stream = await session.AcceptAsync(firstBytes: "abc");
        await stream.Input.ReadAsync();
        await stream.Input.CompleteAsync();
        await session.Peer.SendAsync(2, FrameKind.Data, "def");
        await session.SettleAsync();
        await session.Peer.SendNumberAsync(FrameKind.Ack, session.Peer.Sequenced);
        await session.SettleAsync();
        session.Pool.RentedBytes.Should().Be(0);
        FluentActions.Invoking(() => stream.Input.TryRead(out _)).Should().Throw<InvalidOperationException>();
    }
}

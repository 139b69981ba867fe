using System.Buffers;
using System.IO.Pipelines;
using Tunnel.TestSupport;

namespace Tunnel.Transport.Tests;

public sealed class RelayTests
{
    [Fact]
    public async Task CopyAsync_DestinationIsFull_TakesNothingOffTheSource()
    {
        const int Whole = 4 * Relay.MostAtOnce;

        // The one that writes to it goes on as soon as a byte is taken.
        var source = new Pipe(new PipeOptions(pauseWriterThreshold: Whole, resumeWriterThreshold: Whole - 1, useSynchronizationContext: false));
        var destination = new Pipe(new PipeOptions(pauseWriterThreshold: 1, resumeWriterThreshold: 1, useSynchronizationContext: false));
        Task granted = source.Writer.WriteAsync(new byte[Whole]).AsTask();
        var pieces = new List<long>();
        Task<RelayEnd> copy = Relay.CopyAsync(source.Reader, destination.Writer, pieces.Add).AsTask();

        ReadResult first = await destination.Reader.ReadAsync().AsTask().Within();
        first.Buffer.Length.Should().Be(Relay.MostAtOnce, "it is given one piece, and the rest when that has left");
        granted.IsCompleted.Should().BeFalse("nothing has left yet");
        destination.Reader.AdvanceTo(first.Buffer.End);
        await granted.Within();

        await source.Writer.CompleteAsync();
        long taken = Relay.MostAtOnce;
        while (taken < Whole)
        {
            ReadResult more = await destination.Reader.ReadAsync().AsTask().Within();
            taken += more.Buffer.Length;
            destination.Reader.AdvanceTo(more.Buffer.End);
        }

        (await copy.Within()).Should().Be(RelayEnd.SourceEnded);
        pieces.Should().Equal(Enumerable.Repeat((long)Relay.MostAtOnce, 4));
    }

    [Fact]
    public async Task CopyAsync_DestinationBreaks_LeavesTheSourceUsable()
    {
        var source = new Pipe();
        var destination = new Pipe();
        await source.Writer.WriteAsync("some"u8.ToArray());
        await destination.Reader.CompleteAsync(new IOException("gone"));
        (await Relay.CopyAsync(source.Reader, new BreakingWriter(destination.Writer)).AsTask().Invoking(task => task)
            .Should().ThrowAsync<IOException>()).WithMessage("gone");
        await source.Writer.WriteAsync("more"u8.ToArray());
        ReadResult read = await source.Reader.ReadAsync().AsTask().Within();
        read.Buffer.ToArray().Should().Equal("more"u8.ToArray());
    }

    private sealed class BreakingWriter(PipeWriter inner) : PipeWriter
    {
        public override void Advance(int bytes) => inner.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => throw new IOException("gone");

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);
    }
}

using System.Buffers;
using System.IO.Pipelines;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Server.Edge;
using Tunnel.TestSupport;

namespace Tunnel.Server.Tests.Edge;

public sealed class PartingTests
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(2);

    private readonly FakeTimeProvider _time = new();

    // Whoever reads goes on within the call that writes.
    private readonly Pipe _visitor = new(new PipeOptions(readerScheduler: PipeScheduler.Inline, useSynchronizationContext: false));

    [Fact]
    public async Task Visitor_ThatSendsOn_IsTakenSlowlyAndNotForEver()
    {
        var visitor = new EndlessInput();
        Task parting = new Parting(_time).HearOutAsync(visitor, TimeSpan.FromSeconds(3), Silence).AsTask();
        visitor.Taken.Should().Be(64 * 1024, "then there is a rest");

        int ticks = 0;
        while (!parting.IsCompleted)
        {
            long taken = visitor.Taken;
            ticks++;
            _time.Advance(TimeSpan.FromMilliseconds(50));
            await Eventually.TrueAsync(() => visitor.Taken > taken || parting.IsCompleted);
        }

        ticks.Should().Be(3 * 20);
        visitor.Taken.Should().Be(64 * 1024 * 3 * 20, "who sends on at the speed of most lines gets to the end, and to our word");
        await parting;
    }

    [Fact]
    public async Task Visitors_ThatAreMany_AreTakenTheMoreSlowly()
    {
        var parting = new Parting(_time);
        EndlessInput[] visitors = [.. Enumerable.Range(0, 320).Select(static _ => new EndlessInput())];

        // Where a visitor goes on within the tick that ends its rest: tests have two threads for all of them to go on on.
        await Task.Run(async () =>
        {
            Task[] all = [.. visitors.Select(visitor => parting.HearOutAsync(visitor, TimeSpan.FromSeconds(3), Silence).AsTask())];
            await Eventually.TrueAsync(() =>
            {
                _time.Advance(TimeSpan.FromMilliseconds(50));
                return all.All(static one => one.IsCompleted);
            });
            await Task.WhenAll(all);
        });
        visitors.Sum(static visitor => visitor.Taken).Should().BeLessThan(320 * 64 * 1024 * 20, "alone each would be given three times as much");
    }

    [Fact]
    public async Task Visitor_ThatIsSilent_HasTwoSeconds()
    {
        Task parting = new Parting(_time).HearOutAsync(_visitor.Reader, Longest, Silence).AsTask();
        _time.Advance(Silence - TimeSpan.FromMilliseconds(1));
        parting.IsCompleted.Should().BeFalse();
        await SayAsync();
        _time.Advance(Silence - TimeSpan.FromMilliseconds(1));
        parting.IsCompleted.Should().BeFalse("it has said something");
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await parting.Within();
    }

    [Fact]
    public async Task Visitor_ThatSaysLittleNowAndThen_HasHalfAMinute()
    {
        Task parting = new Parting(_time).HearOutAsync(_visitor.Reader, Longest, Silence).AsTask();
        for (int second = 1; second < 30; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            parting.IsCompleted.Should().BeFalse();
            await SayAsync();
        }

        _time.Advance(TimeSpan.FromSeconds(1));
        await parting.Within();
    }

    [Fact]
    public async Task Visitor_ThatEnds_IsHeardNoLonger()
    {
        Task parting = new Parting(_time).HearOutAsync(_visitor.Reader, Longest, Silence).AsTask();
        await SayAsync();
        await _visitor.Writer.CompleteAsync();
        await parting.Within();
    }

    private async Task SayAsync() => await _visitor.Writer.WriteAsync(new byte[10]);

    /// <summary>However often it is asked, there is more.</summary>
    private sealed class EndlessInput : PipeReader
    {
        private static readonly ReadOnlySequence<byte> Piece = new(new byte[16 * 1024]);
        private long _taken;

        public long Taken => Volatile.Read(ref _taken);

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => new(new ReadResult(Piece, false, false));

        public override bool TryRead(out ReadResult result) => throw new NotSupportedException();

        public override void AdvanceTo(SequencePosition consumed) => Volatile.Write(ref _taken, _taken + Piece.Length);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => throw new NotSupportedException();

        public override void CancelPendingRead()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }
    }
}

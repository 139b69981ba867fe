using System.IO.Pipelines;
using Tunnel.TestSupport;
using Tunnel.Transport.Tls;

namespace Tunnel.Transport.Tests.Tls;

public sealed class LinkStreamTests
{
    /// <summary>
    /// An engine may answer the peer from within a read (a key update, on Windows) while the writer sends what it has: the
    /// link's output has one user at a time all the same.
    /// </summary>
    [Fact]
    public async Task Write_OfTheReaderDuringASend_WaitsForItsTurn()
    {
        var output = new OneAtATime();
        using var stream = new LinkStream(new LinkEnd(new Pipe().Reader, output));
        stream.Open();
        Thread? reader = null;
        output.WhileSending = () =>
        {
            reader = new Thread(() => _ = stream.WriteAsync("an answer"u8.ToArray()).AsTask());
            reader.Start();

            // Until it waits, or was let in.
            SpinWait.SpinUntil(() => output.Overlaps > 0 || (reader.ThreadState & ThreadState.WaitSleepJoin) != 0);
        };
        await stream.SendAsync(CancellationToken.None);
        reader!.Join();
        output.Overlaps.Should().Be(0);
        output.Written.Should().Be(9);
    }

    /// <summary>What the engine was never given it cannot keep back: the next record stays at the link, however much came at once.</summary>
    [Fact]
    public async Task Read_OfTwoRecordsAtOnce_GivesOneAtATime()
    {
        var pipe = new Pipe();
        using var stream = new LinkStream(new LinkEnd(pipe.Reader, new OneAtATime()));
        await pipe.Writer.WriteAsync(new byte[] { 23, 3, 3, 0, 2, 1, 2, 21, 3, 3, 0, 1, 9, 23 });
        byte[] room = new byte[64];
        (await stream.ReadAsync(room.AsMemory(0, 4))).Should().Be(4, "no more fits");
        (await stream.ReadAsync(Memory<byte>.Empty)).Should().Be(0);
        (await stream.ReadAsync(room)).Should().Be(3, "that is the rest of the first");
        (await stream.ReadAsync(room)).Should().Be(6);
        room.AsSpan(0, 6).ToArray().Should().Equal(21, 3, 3, 0, 1, 9);

        // A header in part says nothing of its record yet.
        Task<int> waiting = stream.ReadAsync(room).AsTask();
        await pipe.Writer.WriteAsync(new byte[] { 3, 3, 0, 200 });
        (await waiting.Within()).Should().Be(5);
        await pipe.Writer.WriteAsync(new byte[300]);
        (await stream.ReadAsync(new byte[512])).Should().Be(200);
    }

    [Fact]
    public async Task Record_InPieces_IsThereWithItsLastByte()
    {
        var pipe = new Pipe();
        using var stream = new LinkStream(new LinkEnd(pipe.Reader, new OneAtATime()));
        foreach (byte next in new byte[] { 23, 3, 3, 0, 2, 1 })
        {
            await pipe.Writer.WriteAsync(new[] { next });
            stream.HasRecord(await pipe.Reader.ReadAsync()).Should().BeFalse();
        }

        await pipe.Writer.WriteAsync(new byte[] { 2, 23 });
        stream.HasRecord(await pipe.Reader.ReadAsync()).Should().BeTrue();
        (await stream.ReadAsync(new byte[64])).Should().Be(7);
        stream.HasRecord(await pipe.Reader.ReadAsync()).Should().BeFalse();
        await pipe.Writer.CompleteAsync();
        stream.HasRecord(await pipe.Reader.ReadAsync()).Should().BeTrue("the end of the link is the engine's to judge");
    }

    private sealed class OneAtATime : PipeWriter
    {
        private readonly byte[] _memory = new byte[64];
        private int _isSending;
        private int _overlaps;

        public Action WhileSending { get; set; } = static () => { };

        public int Overlaps => Volatile.Read(ref _overlaps);

        public int Written { get; private set; }

        public override Memory<byte> GetMemory(int sizeHint = 0)
        {
            Note();
            return _memory;
        }

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override void Advance(int bytes)
        {
            Note();
            Written += bytes;
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            Volatile.Write(ref _isSending, 1);
            WhileSending();
            Volatile.Write(ref _isSending, 0);
            return default;
        }

        public override void CancelPendingFlush()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }

        private void Note()
        {
            if (Volatile.Read(ref _isSending) != 0)
            {
                Interlocked.Increment(ref _overlaps);
            }
        }
    }
}

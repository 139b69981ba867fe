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

using Tunnel.TestSupport;
using Tunnel.Transport.Buffers;

namespace Tunnel.Transport.Tests.Buffers;

public sealed class SendBlocksTests
{
    [Fact]
    public async Task Writer_ThatIsClosedAtAnyMoment_GivesEveryBlockBackOnce()
    {
        // A block that went back twice, or was filled after it went back, is somebody else's by then: the pool tells.
        using var pool = new LeakCheckingPool();
        for (int round = 0; round < 3_000; round++)
        {
            var writer = new Writer(pool);
            using var both = new Barrier(2);
            Task writing = Task.Run(() =>
            {
                both.SignalAndWait();
                for (int i = 0; i < 3; i++)
                {
                    writer.Write(5_000);
                    writer.Flush();
                    writer.Write(100);
                }

                writer.Flush();
            });
            both.SignalAndWait();
            Thread.SpinWait(round % 200);
            writer.Close();
            await writing.Within();
            pool.AssertAllReturned();
        }
    }

    private sealed class Writer(LeakCheckingPool pool)
    {
        private SendBlocks _blocks = new(pool);

        public void Write(int bytes)
        {
            _blocks.GetMemory(bytes).Span[..bytes].Fill(1);
            _blocks.Advance(bytes);
        }

        public void Flush() => _blocks.Take().Clear();

        public void Close() => _blocks.ClearUnlessLent();
    }
}

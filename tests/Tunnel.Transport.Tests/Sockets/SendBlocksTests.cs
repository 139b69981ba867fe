using Tunnel.TestSupport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.Sockets;

public sealed class SendBlocksTests
{
    [Fact]
    public async Task Writer_ThatIsClosedAtAnyMoment_GivesEveryBlockBackOnce()
    {
        // A block that went back twice, or was filled after it went back, is somebody else's by then: the pool tells.
        using var pool = new LeakCheckingPool();
        var writer = new Writer(pool);
        Task writing = Task.Run(() =>
        {
            for (int round = 0; round < 20_000; round++)
            {
                writer.Write(100);
                writer.Write(200);
                writer.Flush();
            }
        });
        await Task.Run(() =>
        {
            while (!writing.IsCompleted)
            {
                writer.Close();
            }
        }).Within();
        await writing;
        pool.AssertAllReturned();
    }

    private sealed class Writer(LeakCheckingPool pool)
    {
        private SendBlocks _blocks = new(pool, new object());

        public void Write(int bytes)
        {
            _blocks.GetMemory(bytes).Span[..bytes].Fill(1);
            _blocks.Advance(bytes);
        }

        public void Flush() => _blocks.Take().Clear();

        public void Close() => _blocks.ClearUnlessLent();
    }
}

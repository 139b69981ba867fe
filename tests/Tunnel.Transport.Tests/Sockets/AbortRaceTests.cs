using Tunnel.TestSupport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.Sockets;

public sealed class AbortRaceTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Abort_AtAnyMoment_EndsEveryCallAndReturnsEveryBlock(bool dispose)
    {
        var random = new Random(11);
        for (var round = 0; round < 200; round++)
        {
            using var pool = new LeakCheckingPool();
            await using var pair = await TcpLinkPair.CreateAsync(pool);
            var calls = new[] { ReadAsync(pair.A), WriteAsync(pair.A), ReadAsync(pair.B), WriteAsync(pair.B) };
            var spins = random.Next(20_000);
            var aborts = Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
            {
                Thread.SpinWait(spins);
                if (dispose)
                {
                    await pair.A.DisposeAsync();
                }
                else
                {
                    pair.A.Abort();
                }
            }));
            await Task.WhenAll(aborts).Within();
            await Task.WhenAll(calls).Within();
            await pair.DisposeAsync();
            pool.RentedCount.Should().Be(0);
        }
    }

    [Fact]
    public async Task Dispose_WithCallsPending_WaitsForThemAndIsIdempotent()
    {
        using var pool = new LeakCheckingPool();
        await using var pair = await TcpLinkPair.CreateAsync(pool);
        var read = ReadAsync(pair.A);
        var write = WriteAsync(pair.A);
        var first = pair.A.DisposeAsync();
        var second = pair.A.DisposeAsync();
        await first.Within();
        await second.Within();
        await read.Within();
        await write.Within();
    }

    private static async Task ReadAsync(SocketConnection connection)
    {
        await Task.Yield();
        try
        {
            while (true)
            {
                var result = await connection.Input.ReadAsync();
                connection.Input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    throw new InvalidOperationException("A reset must not look like an end.");
                }
            }
        }
        catch (ConnectionBrokenException)
        {
            await connection.Input.CompleteAsync();
        }
    }

    private static async Task WriteAsync(SocketConnection connection)
    {
        await Task.Yield();
        var chunk = new byte[100_000];
        try
        {
            while (true)
            {
                await connection.Output.WriteAsync(chunk);
            }
        }
        catch (ConnectionBrokenException)
        {
            await connection.Output.CompleteAsync();
        }
    }
}

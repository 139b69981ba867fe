using Tunnel.TestSupport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.Sockets;

public abstract class AbortRaceTests(SocketConnectionOptions options)
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
            await using var pair = await TcpLinkPair.CreateAsync(pool, options);
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
    public async Task Reset_WithAReadAndASendPending_IsAResetForBothWhicheverIsToldFirst()
    {
        for (var round = 0; round < 150; round++)
        {
            using var pool = new LeakCheckingPool();
            await using var pair = await TcpLinkPair.CreateAsync(pool, options);
            var calls = new[] { WriteAsync(pair.B), ReadAsync(pair.B) };
            await pair.A.Input.TakeAsync(1);
            await pair.A.Input.CompleteAsync();
            pair.A.Abort();
            await Task.WhenAll(calls).Within();
        }
    }

    [Fact]
    public async Task End_WithASendPending_IsStillAnOrderlyEnd()
    {
        using var pool = new LeakCheckingPool();
        await using var pair = await TcpLinkPair.CreateAsync(pool, options);
        var payload = new byte[24 * 1024 * 1024];
        var sending = pair.B.Output.WriteAsync(payload).AsTask();
        sending.IsCompleted.Should().BeFalse();
        await pair.A.Output.SendAsync("that will do");
        await pair.A.Output.CompleteAsync().Within();
        (await pair.B.Input.TakeAllAsync()).Should().Equal("that will do"u8.ToArray());

        // And the other direction goes on as if nothing had happened.
        (await pair.A.Input.TakeAsync(payload.Length)).Length.Should().Be(payload.Length);
        await sending.Within();
        await pair.A.Input.CompleteAsync();
        await pair.B.Input.CompleteAsync();
    }

    [Fact]
    public async Task Dispose_WithCallsPending_WaitsForThemAndIsIdempotent()
    {
        using var pool = new LeakCheckingPool();
        await using var pair = await TcpLinkPair.CreateAsync(pool, options);
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

using System.IO.Pipelines;
using Tunnel.TestSupport;
using Tunnel.Transport.Buffers;
using Tunnel.Transport.Sockets;
using Xunit.Abstractions;

namespace Tunnel.Transport.Tests.Sockets;

/// <summary>Runs alone: what other tests allocate would be counted here.</summary>
[Collection(nameof(Alone))]
public sealed class AllocationTests(ITestOutputHelper output)
{
    // Far below one object per operation; leaves room for what the runtime does beside the test.
    private const double Budget = 16;

    [Fact]
    public async Task RoundTrip_WithBothSidesWaiting_AllocatesNothing()
    {
        using var pool = new BlockPool(new BlockPoolOptions { Strict = false });
        await using var pair = await TcpLinkPair.CreateAsync(pool);
        var echo = EchoAsync(pair.B);
        await RoundTripsAsync(pair.A, 2_000);
        var perTrip = await MeasureAsync(() => RoundTripsAsync(pair.A, 10_000), 10_000);
        output.WriteLine($"{perTrip:F2} bytes for each round trip (two flushes, two waiting reads)");
        perTrip.Should().BeLessThan(Budget);
        await pair.A.Output.CompleteAsync();
        await echo.Within();
    }

    [Fact]
    public async Task Bulk_WithTheSocketFullNowAndThen_AllocatesNothing()
    {
        const int Chunk = 256 * 1024;
        const int Chunks = 2_000;
        using var pool = new BlockPool(new BlockPoolOptions { Strict = false });
        await using var pair = await TcpLinkPair.CreateAsync(pool);
        var draining = DrainAsync(pair.B);
        await SendAsync(pair.A.Output, Chunk, 500);
        var perChunk = await MeasureAsync(() => SendAsync(pair.A.Output, Chunk, Chunks), Chunks);
        output.WriteLine($"{perChunk:F2} bytes for each {Chunk / 1024} KiB sent and received");

        // One flush of many blocks and several reads.
        perChunk.Should().BeLessThan(4 * Budget);
        await pair.A.Output.CompleteAsync();
        await draining.Within();
    }

    [Fact]
    public async Task RoundTrip_WithATokenForEachRead_AllocatesNothing()
    {
        using var pool = new BlockPool(new BlockPoolOptions { Strict = false });
        await using var pair = await TcpLinkPair.CreateAsync(pool);
        using var source = new CancellationTokenSource();
        var echo = EchoAsync(pair.B);
        await RoundTripsAsync(pair.A, 2_000, source.Token);
        var perTrip = await MeasureAsync(() => RoundTripsAsync(pair.A, 10_000, source.Token), 10_000);
        output.WriteLine($"{perTrip:F2} bytes for each round trip with a token");
        perTrip.Should().BeLessThan(Budget);
        await pair.A.Output.CompleteAsync();
        await echo.Within();
    }

    [Fact]
    public async Task IdleConnection_Waiting_CostsLittle()
    {
        const int Pairs = 200;
        using var pool = new BlockPool(new BlockPoolOptions { Strict = false });
        await using (await TcpLinkPair.CreateAsync(pool))
        {
        }

        var sockets = new List<(System.Net.Sockets.Socket A, System.Net.Sockets.Socket B)>();
        for (var i = 0; i < Pairs; i++)
        {
            sockets.Add(await TcpLinkPair.CreateSocketsAsync());
        }

        var before = GC.GetTotalMemory(forceFullCollection: true);
        var connections = new List<SocketConnection>(2 * Pairs);
        var reads = new List<Task>(2 * Pairs);
        foreach (var (a, b) in sockets)
        {
            foreach (var socket in new[] { a, b })
            {
                var connection = new SocketConnection(socket, pool);
                connections.Add(connection);
                reads.Add(IgnoreAsync(connection));
            }
        }

        var each = (GC.GetTotalMemory(forceFullCollection: true) - before) / (2.0 * Pairs);
        output.WriteLine($"{each:F0} bytes for each idle connection with a waiting read, on top of its socket");
        pool.RentedCount.Should().Be(0);
        each.Should().BeLessThan(2_500);
        foreach (var connection in connections)
        {
            await connection.DisposeAsync();
        }

        await Task.WhenAll(reads).Within();
    }

    private static async Task IgnoreAsync(SocketConnection connection)
    {
        try
        {
            await connection.Input.ReadAsync();
        }
        catch (ConnectionBrokenException)
        {
            // The test is over.
        }
    }

    private static async Task<double> MeasureAsync(Func<Task> work, int times)
    {
        // The runtime compiles hot methods in the background; one quiet round in three is proof enough.
        var least = double.MaxValue;
        for (var round = 0; round < 3; round++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await work().Within();
            least = Math.Min(least, (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)times);
        }

        return least;
    }

    private static async Task RoundTripsAsync(SocketConnection connection, int times, CancellationToken token = default)
    {
        for (var i = 0; i < times; i++)
        {
            connection.Output.GetSpan(100)[..100].Fill((byte)i);
            connection.Output.Advance(100);
            await connection.Output.FlushAsync(token);
            for (var left = 100L; left > 0;)
            {
                var result = await connection.Input.ReadAsync(token);
                left -= result.Buffer.Length;
                connection.Input.AdvanceTo(result.Buffer.End);
            }
        }
    }

    private static async Task EchoAsync(SocketConnection connection)
    {
        while (true)
        {
            var result = await connection.Input.ReadAsync();
            foreach (var segment in result.Buffer)
            {
                segment.Span.CopyTo(connection.Output.GetSpan(segment.Length));
                connection.Output.Advance(segment.Length);
            }

            connection.Input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return;
            }

            await connection.Output.FlushAsync();
        }
    }

    private static async Task SendAsync(PipeWriter writer, int chunk, int times)
    {
        for (var i = 0; i < times; i++)
        {
            for (var left = chunk; left > 0;)
            {
                var some = Math.Min(left, writer.GetSpan().Length);
                writer.Advance(some);
                left -= some;
            }

            await writer.FlushAsync();
        }
    }

    private static async Task DrainAsync(SocketConnection connection)
    {
        while (true)
        {
            var result = await connection.Input.ReadAsync();
            connection.Input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return;
            }
        }
    }
}

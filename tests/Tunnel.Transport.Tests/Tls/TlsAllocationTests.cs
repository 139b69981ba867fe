using System.IO.Pipelines;
using Tunnel.TestSupport;
using Tunnel.Transport.Buffers;
using Tunnel.Transport.Tls;
using Xunit.Abstractions;

namespace Tunnel.Transport.Tests.Tls;

/// <summary>Runs alone: what other tests allocate would be counted here.</summary>
[Collection(nameof(Alone))]
public sealed class TlsAllocationTests(ITestOutputHelper output)
{
    private const int Trips = 4_000;

#if DEBUG
    // The compiler makes every asynchronous method's state an object there.
    private const int MostPerTrip = 1_000;
#else
    private const int MostPerTrip = 32;
#endif

    [Fact]
    public async Task RoundTrip_WithBothSidesWaiting_AllocatesNothing()
    {
        using var pool = new BlockPool(new BlockPoolOptions { Strict = false });
        await using TlsLinkPair pair = await TlsLinkPair.CreateAsync(pool);
        Task echo = EchoAsync(pair.B);
        long least = long.MaxValue;
        for (int round = 0; round < 4; round++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            await RoundTripsAsync(pair.A);
            least = Math.Min(least, (GC.GetTotalAllocatedBytes(precise: true) - before) / Trips);
        }

        output.WriteLine($"{least} bytes for each round trip (two flushes, two waiting reads)");
        least.Should().BeLessThan(MostPerTrip);
        await pair.A.Output.CompleteAsync();
        await echo.Within();
    }

    private static async Task RoundTripsAsync(TlsConnection link)
    {
        for (int trip = 0; trip < Trips; trip++)
        {
            link.Output.GetSpan(100)[..100].Clear();
            link.Output.Advance(100);
            await link.Output.FlushAsync();
            ReadResult read = await link.Input.ReadAsync();
            link.Input.AdvanceTo(read.Buffer.End);
        }
    }

    private static async Task EchoAsync(TlsConnection link)
    {
        while (true)
        {
            ReadResult read = await link.Input.ReadAsync();
            if (read.IsCompleted)
            {
                return;
            }

            foreach (ReadOnlyMemory<byte> part in read.Buffer)
            {
                part.CopyTo(link.Output.GetMemory(part.Length));
                link.Output.Advance(part.Length);
            }

            link.Input.AdvanceTo(read.Buffer.End);
            await link.Output.FlushAsync();
        }
    }
}

using System.Buffers;
using Microsoft.Extensions.Time.Testing;
using Tunnel.TestSupport;
using Tunnel.Transport.Buffers;

namespace Tunnel.Transport.Tests.Buffers;

/// <summary>What a pool no longer needs is collected, however idle the process is by then.</summary>
[Collection(nameof(Alone))]
public sealed class BlockPoolGarbageTests
{
    private const int MiB = 1024 * 1024;

    [Theory]
    [InlineData(256 * MiB, 9, true)]
    [InlineData(256 * MiB, 2, false)]
    [InlineData(4 * MiB, 2, true)]
    [InlineData(4 * MiB, 0, false)]
    public async Task Blocks_NotNeededForAWhile_AreCollectedWhenTheyAreMany(int retained, int mib, bool isWorthIt)
    {
        var time = new FakeTimeProvider();
        using var pool = new BlockPool(new BlockPoolOptions { Strict = false, RetainedBytesPerClass = retained, Time = time });
        IMemoryOwner<byte>[] owners = [.. Enumerable.Range(0, Math.Max(1, mib * MiB / BlockPool.LargeBlock)).Select(_ => pool.Rent(BlockPool.LargeBlock))];
        foreach (IMemoryOwner<byte> owner in owners)
        {
            owner.Dispose();
        }

        // Also waits for one that is under way, beside which no other would begin.
        GC.Collect();
        int before = GC.CollectionCount(GC.MaxGeneration);
        for (int period = 0; period < 3; period++)
        {
            time.Advance(TimeSpan.FromSeconds(10));
        }

        if (isWorthIt)
        {
            await Eventually.TrueAsync(() => GC.CollectionCount(GC.MaxGeneration) > before);
        }
        else
        {
            GC.CollectionCount(GC.MaxGeneration).Should().Be(before);
        }
    }
}

using System.Buffers;
using Microsoft.Extensions.Time.Testing;
using Tunnel.TestSupport;
using Tunnel.Transport.Buffers;

namespace Tunnel.Transport.Tests.Buffers;

public sealed class BlockPoolTests
{
    private static readonly BlockPoolOptions Relaxed = new() { Strict = false };
    private static readonly BlockPoolOptions Strict = new() { Strict = true };

    [Theory]
    [InlineData(-1, 4096)]
    [InlineData(0, 4096)]
    [InlineData(4096, 4096)]
    [InlineData(4097, 16384)]
    [InlineData(16385, 32768)]
    [InlineData(32769, 65536)]
    [InlineData(65536, 65536)]
    [InlineData(65537, 65537)]
    public void Rent_OfASize_GetsTheSmallestClassThatFits(int wanted, int given)
    {
        using var pool = new BlockPool();
        using var owner = pool.Rent(wanted);
        owner.Memory.Length.Should().Be(given);
        BlockPool.SizeFor(wanted).Should().Be(given);
        pool.RentedCount.Should().Be(1);
        pool.RentedBytes.Should().Be(given);
    }

    [Fact]
    public void Rent_WhenWarm_AllocatesNothing()
    {
        using var pool = new BlockPool(Relaxed);
        var owners = new IMemoryOwner<byte>[64];

        // Moving to another processor may cost a block or two more, once; a pool that allocates does it every time.
        var least = long.MaxValue;
        for (var attempt = 0; attempt < 10; attempt++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++)
            {
                Round();
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        least.Should().Be(0);

        void Round()
        {
            for (var i = 0; i < owners.Length; i++)
            {
                owners[i] = pool.Rent(i % 3 == 0 ? 4096 : 65536);
            }

            foreach (var owner in owners)
            {
                owner.Dispose();
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Dispose_OfAnOwnerTwice_NeverHandsTheMemoryOutTwice(bool strict)
    {
        using var pool = new BlockPool(new BlockPoolOptions { Strict = strict });
        var owner = pool.Rent();
        owner.Dispose();
        var again = owner.Dispose;
        if (strict)
        {
            again.Should().Throw<InvalidOperationException>();
        }
        else
        {
            again.Should().NotThrow();
        }

        pool.RentedCount.Should().Be(0);
        using var first = pool.Rent();
        using var second = pool.Rent();
        first.Memory.Span.Overlaps(second.Memory.Span).Should().BeFalse();
    }

    [Fact]
    public void Dispose_OfAStaleOwnerInAStrictPool_IsFoundEvenAfterTheMemoryHasANewOwner()
    {
        using var pool = new BlockPool(Strict);
        var stale = pool.Rent();
        stale.Dispose();
        using var fresh = pool.Rent();
        stale.Invoking(owner => owner.Dispose()).Should().Throw<InvalidOperationException>();
        stale.Invoking(owner => owner.Memory).Should().Throw<ObjectDisposedException>();
        pool.RentedCount.Should().Be(1);
    }

    [Fact]
    public void Memory_OfAReturnedOwner_IsRefused()
    {
        using var pool = new BlockPool(Relaxed);
        var owner = pool.Rent();
        owner.Dispose();
        owner.Invoking(o => o.Memory).Should().Throw<ObjectDisposedException>();
    }

    [Fact]
    public void Return_BeyondTheBound_IsNotKept()
    {
        const int Bound = 1024 * 1024;
        using var pool = new BlockPool(new BlockPoolOptions { RetainedBytesPerClass = Bound });
        var owners = Enumerable.Range(0, 1000).Select(_ => pool.Rent(4096)).ToArray();
        pool.RentedBytes.Should().Be(1000 * 4096);
        foreach (var owner in owners)
        {
            owner.Dispose();
        }

        pool.RentedBytes.Should().Be(0);
        pool.RetainedBytes.Should().BeInRange(Bound, Bound + (4096 * RoundUp(Environment.ProcessorCount)));
        pool.Trim();
        pool.RetainedBytes.Should().Be(0);
        using var next = pool.Rent();
    }

    [Fact]
    public void Kept_AndNotNeededForAPeriod_IsDropped()
    {
        var time = new FakeTimeProvider();
        using var pool = new BlockPool(Relaxed with { Time = time });
        void Peak(int count)
        {
            foreach (var owner in Enumerable.Range(0, count).Select(_ => pool.Rent(4096)).ToArray())
            {
                owner.Dispose();
            }
        }

        Peak(100);
        time.Advance(TimeSpan.FromSeconds(10));
        pool.RetainedBytes.Should().BeGreaterThan(90 * 4096, "the period has only begun");

        // A third of it is needed in the next one.
        Peak(33);
        time.Advance(TimeSpan.FromSeconds(10));
        pool.RetainedBytes.Should().BeInRange(32 * 4096, 36 * 4096);
        time.Advance(TimeSpan.FromSeconds(10));
        pool.RetainedBytes.Should().BeLessThanOrEqualTo(4096 * RoundUp(Environment.ProcessorCount));

        // And it goes on after a rest.
        Peak(100);
        time.Advance(TimeSpan.FromSeconds(10));
        time.Advance(TimeSpan.FromSeconds(10));
        pool.RetainedBytes.Should().BeLessThanOrEqualTo(4096 * RoundUp(Environment.ProcessorCount));
    }

    [Fact]
    public void Return_OfAnOversizedBlock_IsNotKept()
    {
        using var pool = new BlockPool();
        pool.Rent(100_000).Dispose();
        pool.RetainedBytes.Should().Be(0);
    }

    [Fact]
    public void Rent_FromADisposedPool_IsRefusedAndLateReturnsAreDropped()
    {
        var pool = new BlockPool();
        var late = pool.Rent();
        pool.Dispose();
        late.Memory.Length.Should().Be(4096);
        late.Dispose();
        pool.RetainedBytes.Should().Be(0);
        pool.Invoking(p => p.Rent()).Should().Throw<ObjectDisposedException>();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Rent_FromManyThreads_NeverSharesABlock(bool strict)
    {
        using var pool = new BlockPool(new BlockPoolOptions { Strict = strict, RetainedBytesPerClass = 32 * 4096 });
        await Task.WhenAll(Enumerable.Range(1, 8).Select(mark => TimeLimit.Run(async () =>
        {
            var random = new Random(mark);
            for (var i = 0; i < 5_000; i++)
            {
                var owners = Enumerable.Range(0, random.Next(1, 6)).Select(_ => pool.Rent(random.Next(3) * 10_000)).ToArray();
                foreach (var owner in owners)
                {
                    owner.Memory.Span[..64].Fill((byte)mark);
                }

                if (i % 64 == 0)
                {
                    // Go on elsewhere, so that blocks come back on other processors.
                    await Task.Yield();
                }

                foreach (var owner in owners)
                {
                    if (owner.Memory.Span[..64].ContainsAnyExcept((byte)mark))
                    {
                        throw new InvalidOperationException("Two threads had one block.");
                    }

                    owner.Dispose();
                }
            }
        })));
        pool.RentedCount.Should().Be(0);
        pool.RentedBytes.Should().Be(0);
    }

    [Fact]
    public async Task Dispose_RacedByManyThreads_ReturnsOnce()
    {
        using var pool = new BlockPool(Relaxed);
        for (var round = 0; round < 500; round++)
        {
            var owner = pool.Rent();
            using var start = new Barrier(2);
            await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
            {
                start.SignalAndWait();
                owner.Dispose();
            }))).Within();
            pool.RentedCount.Should().Be(0);
        }
    }

    private static int RoundUp(int value) => (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)value);
}

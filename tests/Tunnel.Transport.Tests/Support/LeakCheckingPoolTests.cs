using Tunnel.TestSupport;

namespace Tunnel.Transport.Tests.Support;

public sealed class LeakCheckingPoolTests
{
    [Fact]
    public void Dispose_WithSomethingOut_FailsWithTheStackOfTheRent()
    {
        var pool = new LeakCheckingPool();
        var owner = pool.Rent();
        pool.Invoking(p => p.Dispose()).Should().Throw<InvalidOperationException>()
            .WithMessage($"*Never returned*{nameof(Dispose_WithSomethingOut_FailsWithTheStackOfTheRent)}*");
        owner.Dispose();
        pool.Dispose();
    }

    [Fact]
    public void Return_Twice_FailsThereAndAtTheEnd()
    {
        var pool = new LeakCheckingPool();
        var owner = pool.Rent();
        owner.Dispose();
        owner.Invoking(o => o.Dispose()).Should().Throw<InvalidOperationException>().WithMessage("*Returned twice*");
        pool.Invoking(p => p.Dispose()).Should().Throw<InvalidOperationException>().WithMessage("*Returned twice*");
    }

    [Fact]
    public void Memory_AfterItsReturn_IsPoisonedAndWritingToItIsFound()
    {
        var pool = new LeakCheckingPool();
        var owner = pool.Rent(10);
        var kept = owner.Memory;
        owner.Dispose();
        kept.Span.ContainsAnyExcept(LeakCheckingPool.Poison).Should().BeFalse();
        kept.Span[3] = 1;
        pool.Invoking(p => p.Dispose()).Should().Throw<InvalidOperationException>().WithMessage("*Written to after its return*");
    }

    [Fact]
    public async Task WhenEmpty_CompletesWithTheLastReturn()
    {
        using var pool = new LeakCheckingPool(exact: true);
        var one = pool.Rent(17);
        var two = pool.Rent(3);
        one.Memory.Length.Should().Be(17);
        pool.RentedBytes.Should().Be(20);
        var empty = pool.WhenEmptyAsync();
        one.Dispose();
        empty.IsCompleted.Should().BeFalse();
        two.Dispose();
        await empty.Within();
        pool.MostRentedBytes.Should().Be(20);
        pool.TotalRents.Should().Be(2);
    }
}

namespace Tunnel.Transport.Tests;

public sealed class BackoffTests
{
    [Theory]
    [InlineData(0.0, new[] { 0, 250, 250, 250, 250, 250, 250, 250 })]
    [InlineData(0.5, new[] { 125, 375, 625, 1125, 2125, 4125, 7625, 7625 })]
    [InlineData(1.0, new[] { 250, 500, 1000, 2000, 4000, 8000, 15000, 15000 })]
    public void Next_InARow_DoublesUpToTheBound(double dice, int[] milliseconds)
    {
        var backoff = new Backoff(new LoadedDice(dice));
        var delays = Enumerable.Range(0, milliseconds.Length).Select(_ => (int)backoff.Next().TotalMilliseconds).ToArray();
        delays.Should().Equal(milliseconds);
    }

    [Fact]
    public void Next_WithRealChance_StaysWithinTheBounds()
    {
        var backoff = new Backoff(new Random(1));
        backoff.Next().Should().BeLessThan(Backoff.First);
        for (var i = 0; i < 1000; i++)
        {
            backoff.Next().Should().BeGreaterThanOrEqualTo(Backoff.First).And.BeLessThanOrEqualTo(Backoff.Longest);
        }
    }

    [Fact]
    public void LinkEnded_AfterAHealthyLink_StartsOver()
    {
        var backoff = new Backoff(new LoadedDice(1));
        backoff.Next();
        backoff.Next();
        backoff.LinkEnded(Backoff.Healthy, hasCarried: false);
        backoff.Next().Should().Be(Backoff.First);
    }

    [Fact]
    public void LinkEnded_AfterAShortLink_EarnsOneQuickTryAndGoesOn()
    {
        var backoff = new Backoff(new LoadedDice(1));
        backoff.Next();
        backoff.LinkEnded(Backoff.Healthy - TimeSpan.FromTicks(1), hasCarried: false);
        backoff.Next().Should().Be(Backoff.First);
        backoff.Next().Should().Be(TimeSpan.FromMilliseconds(500));
    }

    [Fact]
    public void LinkEnded_OfLinksThatNeverLast_EarnsLessAndLess()
    {
        var backoff = new Backoff(new LoadedDice(1));
        TimeSpan sum = TimeSpan.Zero;
        for (int i = 0; i < 20; i++)
        {
            backoff.LinkEnded(TimeSpan.FromMilliseconds(400), hasCarried: false);
            sum += backoff.Next();
        }

        sum.Should().BeGreaterThan(TimeSpan.FromMinutes(2), "a server that takes links and drops them is not hammered");
    }

    [Fact]
    public void LinkEnded_OfLinksThatCarriedSomething_StaysSmall()
    {
        var backoff = new Backoff(new LoadedDice(1));
        for (int i = 0; i < 20; i++)
        {
            // The network is bad, and the tries in between fail.
            backoff.LinkEnded(TimeSpan.FromMilliseconds(400), hasCarried: true);
            backoff.Next().Should().Be(Backoff.First);
            backoff.Next().Should().Be(Backoff.First);
            backoff.Next().Should().Be(TimeSpan.FromMilliseconds(500));
        }
    }

    [Fact]
    public void ServerNamed_ADelay_OverridesOnce()
    {
        var backoff = new Backoff(new LoadedDice(1));
        backoff.ServerNamed(TimeSpan.FromMinutes(3));
        backoff.Next().Should().Be(TimeSpan.FromMinutes(3));
        backoff.Next().Should().Be(Backoff.First);
    }

    private sealed class LoadedDice(double value) : Random
    {
        public override double NextDouble() => value;
    }
}

using Tunnel.Server.Forwarding;

namespace Tunnel.Server.Tests.Forwarding;

public sealed class PaceTests
{
    private static readonly PaceRule Rule = new();

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Fact]
    public void Left_NothingHappened_IsTheGrace() => new Pace(Rule).Left.Should().Be(Rule.Grace);

    [Fact]
    public void Left_AtTheLeastRate_StaysTheGrace()
    {
        var pace = new Pace(Rule);
        for (int i = 0; i < 100; i++)
        {
            pace.Waited(Seconds(1), Rule.LeastRate);
        }

        pace.Left.Should().BeCloseTo(Rule.Grace, Seconds(0.001));
    }

    [Fact]
    public void Left_ATrickle_RunsOut()
    {
        var pace = new Pace(Rule);
        int waits = 0;
        while (pace.Left > TimeSpan.Zero)
        {
            pace.Waited(Seconds(1), 1);
            waits++;
        }

        waits.Should().BeInRange(5, 6);
    }

    [Fact]
    public void Left_AfterAFastStart_IsBoundedByTheStallTime()
    {
        var pace = new Pace(Rule);
        pace.Waited(Seconds(1), 1L << 40);

        pace.Left.Should().Be(Rule.StallTime);
    }

    [Fact]
    public void Left_ALargeReaderThatTakesAPieceNowAndThen_IsNotSlow()
    {
        var pace = new Pace(Rule);
        for (int i = 0; i < 20; i++)
        {
            // Systems open a closed window only when a good piece of their buffer is free.
            pace.Waited(Seconds(4), 4096);
            pace.Left.Should().BePositive();
        }
    }

    [Fact]
    public void Left_UnderARuleOfOnesOwn_FollowsIt()
    {
        var pace = new Pace(new PaceRule { LeastRate = 10, Grace = Seconds(2), StallTime = Seconds(3) });
        pace.Left.Should().Be(Seconds(2));
        pace.Waited(Seconds(1), 5);
        pace.Left.Should().Be(Seconds(1.5));
        pace.Waited(Seconds(0), 1000);
        pace.Left.Should().Be(Seconds(3));
    }
}

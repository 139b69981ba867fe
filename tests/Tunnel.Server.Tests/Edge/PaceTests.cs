using Tunnel.Server.Edge;

namespace Tunnel.Server.Tests.Edge;

public sealed class PaceTests
{
    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Fact]
    public void ReadTime_NothingHappened_IsTheGrace() => new Pace().ReadTime.Should().Be(Pace.Grace);

    [Fact]
    public void ReadTime_AtTheLeastRate_StaysTheGrace()
    {
        var pace = new Pace();
        for (int i = 0; i < 100; i++)
        {
            pace.Waited(Seconds(1), Pace.LeastRate);
        }

        pace.ReadTime.Should().BeCloseTo(Pace.Grace, Seconds(0.001));
    }

    [Fact]
    public void ReadTime_ATrickle_RunsOut()
    {
        var pace = new Pace();
        int waits = 0;
        while (pace.ReadTime > Seconds(4))
        {
            pace.Waited(Seconds(4), 1);
            waits++;
        }

        waits.Should().BeLessThanOrEqualTo(2);
    }

    [Fact]
    public void ReadTime_AfterAFastStart_IsBounded()
    {
        var pace = new Pace();
        pace.Waited(Seconds(1), 1L << 40);

        pace.ReadTime.Should().Be(Pace.Grace + Pace.MostSaved);
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(240, 6)]
    [InlineData(24_000, 105)]
    public void WriteTime_Bytes_GraceAndTheLeastRate(long bytes, double expected) =>
        Pace.WriteTime(bytes).Should().Be(Seconds(expected));
}

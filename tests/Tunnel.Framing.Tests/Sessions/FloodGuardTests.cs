using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Sessions;

public sealed class FloodGuardTests
{
    [Fact]
    public void Count_BeyondWhatMayComeAtOnce_IsAFlood()
    {
        var guard = new FloodGuard(atOnce: 3, perSecond: 2);
        Times(guard, 3, TimeSpan.Zero);
        AssertFlood(guard, TimeSpan.Zero);
    }

    [Fact]
    public void Count_AfterAWhile_HasWhatTheTimeGave()
    {
        var guard = new FloodGuard(atOnce: 3, perSecond: 2);
        Times(guard, 3, TimeSpan.Zero);
        Times(guard, 2, TimeSpan.FromSeconds(1));
        AssertFlood(guard, TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void Count_AfterLong_HasNoMoreThanAtOnce()
    {
        var guard = new FloodGuard(atOnce: 3, perSecond: 2);
        Times(guard, 3, TimeSpan.FromHours(1));
        AssertFlood(guard, TimeSpan.FromHours(1));
    }

    [Fact]
    public void StreamOpened_GivesSomeBack_UpToTheBound()
    {
        var guard = new FloodGuard(atOnce: 10, perSecond: 0);
        Times(guard, 10, TimeSpan.Zero);
        guard.StreamOpened();
        Times(guard, FloodGuard.PerStream, TimeSpan.Zero);
        AssertFlood(guard, TimeSpan.Zero);
        for (int i = 0; i < 100; i++)
        {
            guard.StreamOpened();
        }

        Times(guard, 10, TimeSpan.Zero);
        AssertFlood(guard, TimeSpan.Zero);
    }

    private static void Times(FloodGuard guard, int times, TimeSpan now)
    {
        for (int i = 0; i < times; i++)
        {
            guard.Count(now);
        }
    }

    private static void AssertFlood(FloodGuard guard, TimeSpan now) =>
        FluentActions.Invoking(() => guard.Count(now))
            .Should().Throw<ProtocolViolationException>().Which.Code.Should().Be(CloseCode.Flood);
}

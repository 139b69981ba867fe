using Microsoft.Extensions.Time.Testing;
using Tunnel.Agent.Connection;

namespace Tunnel.Agent.Tests.Connection;

/// <summary>A machine that has slept, by the distance between its timer and its wall clock.</summary>
public sealed class NetworkWatchTests
{
    private readonly FakeTimeProvider _time = new();
    private int _doubts;

    [Fact]
    public async Task Clock_ThatGoesOn_IsNoDoubt()
    {
        await using var watch = new NetworkWatch(_time, () => _doubts++);
        for (int tick = 0; tick < 100; tick++)
        {
            _time.Advance(TimeSpan.FromSeconds(5));
        }

        _doubts.Should().Be(0);
    }

    [Theory]
    [InlineData(4.9, 0)]
    [InlineData(5.1, 1)]
    [InlineData(8 * 3600, 1)]
    [InlineData(-3600, 0)]
    public async Task Clock_ThatIsAheadOfItsTimer_MeansTheMachineHasSlept(double ahead, int doubts)
    {
        await using var watch = new NetworkWatch(_time, () => _doubts++);
        _time.Advance(TimeSpan.FromSeconds(5));
        Jump(ahead);
        _time.Advance(TimeSpan.FromSeconds(5));
        _doubts.Should().Be(doubts);

        _time.Advance(TimeSpan.FromSeconds(5));
        _time.Advance(TimeSpan.FromSeconds(5));
        _doubts.Should().Be(doubts, "it has slept once");
        Jump(60);
        _time.Advance(TimeSpan.FromSeconds(5));
        _doubts.Should().Be(doubts + 1);
    }

    [Fact]
    public async Task Watch_ThatIsOver_SaysNothing()
    {
        var watch = new NetworkWatch(_time, () => _doubts++);
        await watch.DisposeAsync();
        Jump(3600);
        _time.Advance(TimeSpan.FromSeconds(30));
        _doubts.Should().Be(0);
    }

    // The wall clock goes on while no timer does.
    private void Jump(double seconds) => _time.AdjustTime(_time.GetUtcNow() + TimeSpan.FromSeconds(seconds));
}

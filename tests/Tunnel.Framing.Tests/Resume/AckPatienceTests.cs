using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;

namespace Tunnel.Framing.Tests.Resume;

public sealed class AckPatienceTests
{
    private readonly AckPatience _patience = new();
    private double _now;

    [Fact]
    public void Arrivals_ThatAcknowledgeNothing_AreAFloodAfterThirtySeconds()
    {
        Arrive(0, isAwaited: true);
        Pass(29, acknowledged: 0);
        Over(() => Pass(1, acknowledged: 0));
    }

    [Fact]
    public void Arrivals_ThatAcknowledgeALittle_BeginAnew()
    {
        Arrive(0, isAwaited: true);
        for (ulong count = 1; count < 5; count++)
        {
            Pass(29, acknowledged: count - 1);
            Arrive(count, isAwaited: true);
        }
    }

    [Fact]
    public void Arrivals_WhileNothingIsAwaited_DoNotCount()
    {
        Arrive(7, isAwaited: true);
        Pass(29, acknowledged: 7);
        Arrive(7, isAwaited: false);
        Pass(29, acknowledged: 7);
    }

    [Theory]
    [InlineData(60)]
    [InlineData(86_400)]
    public void Silence_HoweverLong_CountsAsLittle(double seconds)
    {
        Arrive(0, isAwaited: true);
        for (int i = 0; i < 5; i++)
        {
            _now += seconds;
            Arrive(0, isAwaited: true);
        }

        _now += seconds;
        Over(() => Arrive(0, isAwaited: true));
    }

    [Fact]
    public void Restart_ForgetsTheLastLink()
    {
        Arrive(0, isAwaited: true);
        Pass(29, acknowledged: 0);
        _patience.Restart();
        _now += 1;
        Arrive(0, isAwaited: true);
        Pass(29, acknowledged: 0);
        Over(() => Pass(1, acknowledged: 0));
    }

    private static void Over(Action act) =>
        act.Should().Throw<ProtocolViolationException>().Which.Code.Should().Be(CloseCode.Flood);

    private void Pass(int seconds, ulong acknowledged)
    {
        for (int i = 0; i < seconds; i++)
        {
            _now += 1;
            Arrive(acknowledged, isAwaited: true);
        }
    }

    private void Arrive(ulong acknowledged, bool isAwaited) =>
        _patience.OnArrival(TimeSpan.FromSeconds(_now), acknowledged, isAwaited);
}

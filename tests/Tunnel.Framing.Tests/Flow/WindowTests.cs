using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Tests.Flow;

public sealed class WindowTests
{
    private const int Least = ProtocolLimits.LeastWindow;
    private static readonly TimeSpan Rtt = TimeSpan.FromMilliseconds(100);

    [Fact]
    public void Receive_BeyondTheGrant_IsExceeded()
    {
        var window = new ReceiveWindow(Least, Budget(), TimeSpan.Zero);
        window.Receive(Least);
        FluentActions.Invoking(() => window.Receive(1))
            .Should().Throw<ProtocolViolationException>().Which.Code.Should().Be(CloseCode.WindowExceeded);
    }

    [Fact]
    public void Consume_HalfAWindow_MakesAGrantDue()
    {
        var window = new ReceiveWindow(Least, Budget(), TimeSpan.Zero);
        window.Receive(Least);
        window.Consume((Least / 2) - 1).Should().BeFalse();
        window.Consume(1).Should().BeTrue();
        window.Grant(Rtt, null).Should().Be(Least / 2);
        window.Receive(Least / 2);
    }

    [Fact]
    public void Consume_UserWantsMoreAndThePeerMaySendNothing_MakesAGrantDue()
    {
        var window = new ReceiveWindow(Least, Budget(), TimeSpan.Zero);
        window.Receive(Least - 1);
        window.Consume(10, wantsMore: true).Should().BeFalse("the peer may still send");
        window.Receive(1);
        window.Consume(0, wantsMore: true).Should().BeTrue();
        window.Grant(Rtt, null).Should().Be(10);
        window.Receive(10);
        window.Consume(0, wantsMore: true).Should().BeFalse("nothing was taken");
    }

    [Fact]
    public void Grant_HalfTakenWithinARoundTrip_Doubles()
    {
        MemoryBudget budget = Budget();
        var window = new ReceiveWindow(Least, budget, TimeSpan.Zero);
        Take(ref window, Least / 2);
        window.Grant(Rtt / 2, Rtt).Should().Be((Least / 2) + Least);
        window.Size.Should().Be(2 * Least);
        budget.Used.Should().Be(2 * Least);
        window.Receive(2 * Least);
    }

    [Fact]
    public void Grant_SlowerThanTheRoundTripOrNotMeasured_DoesNotGrow()
    {
        var window = new ReceiveWindow(Least, Budget(), TimeSpan.Zero);
        Take(ref window, Least / 2);
        window.Grant(Rtt, Rtt).Should().Be(Least / 2);
        Take(ref window, Least / 2);
        window.Grant(Rtt, null).Should().Be(Least / 2);
        window.Size.Should().Be(Least);
    }

    [Fact]
    public void Grant_AtTheMost_GrowsNoMore()
    {
        var window = new ReceiveWindow(Least, Budget(), TimeSpan.Zero, wanted: ProtocolLimits.MostWindow);
        window.MayGrow.Should().BeFalse();
        Take(ref window, ProtocolLimits.MostWindow / 2);
        window.Grant(TimeSpan.Zero, Rtt).Should().Be(ProtocolLimits.MostWindow / 2);
    }

    [Fact]
    public void Grant_WithoutBudget_DoesNotGrow()
    {
        var budget = new MemoryBudget(Least);
        var window = new ReceiveWindow(Least, budget, TimeSpan.Zero, wanted: Least * 2);
        window.Size.Should().Be(Least, "what is beyond the reserve was not to be had");
        Take(ref window, Least / 2);
        window.Grant(TimeSpan.Zero, Rtt).Should().Be(Least / 2);
        budget.Used.Should().Be(Least);
    }

    [Fact]
    public void Grant_BudgetTight_GivesBackWhatIsAboveTheFirstWindow()
    {
        var budget = new MemoryBudget(2 * 1024 * 1024);
        var window = new ReceiveWindow(Least, budget, TimeSpan.Zero, wanted: 1024 * 1024);
        budget.Reserve(600 * 1024);
        budget.IsTight.Should().BeTrue();
        Take(ref window, 512 * 1024);
        window.Grant(TimeSpan.Zero, Rtt).Should().Be(1, "a grant of nothing is not allowed");
        window.Size.Should().Be((512 * 1024) + 1);
        budget.Used.Should().Be((512 * 1024) + 1 + (600 * 1024));
        budget.Return(600 * 1024);
        window.ReturnBudget();
        budget.Used.Should().Be(0);
    }

    [Fact]
    public void ReturnBudget_Twice_ReturnsOnce()
    {
        MemoryBudget budget = Budget();
        var window = new ReceiveWindow(Least, budget, TimeSpan.Zero, wanted: ProtocolLimits.FirstAnswerWindow);
        window.ReturnBudget();
        window.ReturnBudget();
        budget.Used.Should().Be(0);
        window.Consume(Least).Should().BeFalse("nothing is granted for a stream that is over");
    }

    [Fact]
    public void SendWindow_GrantedAndTaken_NeverOverflows()
    {
        var window = new SendWindow(Least);
        window.Take(Least);
        window.Available.Should().Be(0);
        window.Grant(int.MaxValue);
        window.Available.Should().Be(int.MaxValue);
        window.Take(10);
        window.Grant(10);
        foreach (uint bytes in new uint[] { 0, 1, int.MaxValue, int.MaxValue + 1u, uint.MaxValue })
        {
            FluentActions.Invoking(() => window.Grant(bytes))
                .Should().Throw<ProtocolViolationException>().Which.Code.Should().Be(CloseCode.CreditOverflow);
        }
    }

    [Fact]
    public void Budget_WithAProcess_DrawsFromBothOrNeither()
    {
        var process = new ProcessMemory(200);
        var child = new MemoryBudget(80, process);
        var other = new MemoryBudget(80, process);
        child.TryDraw(81).Should().BeFalse();
        child.TryDraw(60).Should().BeTrue();
        other.TryDraw(50).Should().BeFalse("windows grow into half of what the process has");
        (child.Used, other.Used, process.Used).Should().Be((60, 0, 60));
        other.IsEasy.Should().BeFalse("the process is not");
        other.TryDraw(20).Should().BeTrue();
        child.Reserve(1000);
        (child.Used, process.Used).Should().Be((1060, 1080));
        other.IsTight.Should().BeTrue("the process is");
        child.Return(1060);
        other.Return(20);
        (child.Used, other.Used, process.Used).Should().Be((0, 0, 0));
    }

    [Fact]
    public async Task Budget_FromManyThreads_ComesBackToNothing()
    {
        var process = new ProcessMemory(2000);
        MemoryBudget[] children = [new(800, process), new(800, process)];
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
        {
            MemoryBudget child = children[thread % 2];
            for (int i = 0; i < 20_000; i++)
            {
                if (child.TryDraw(300))
                {
                    child.Return(300);
                }
            }
        }))).Within();
        (children[0].Used, children[1].Used, process.Used).Should().Be((0, 0, 0));
    }

    [Fact]
    public void RoundTrip_IsTheLeastOfTheLastTenSeconds()
    {
        var time = new RoundTripTime();
        time.Least(S(0)).Should().BeNull();
        time.Observe(Ms(50), S(7));
        time.Observe(Ms(20), S(8));
        time.Observe(Ms(90), S(9));
        time.Least(S(9)).Should().Be(Ms(20));
        time.Observe(Ms(40), S(13));
        time.Least(S(13)).Should().Be(Ms(20));
        time.Observe(Ms(60), S(18.5));
        time.Least(S(18.5)).Should().Be(Ms(40));
        time.Least(S(100)).Should().Be(Ms(60), "with nothing measured lately the last known stays");
    }

    private static TimeSpan S(double seconds) => TimeSpan.FromSeconds(seconds);

    private static TimeSpan Ms(double milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    private static MemoryBudget Budget() => new(64 * 1024 * 1024);

    private static void Take(ref ReceiveWindow window, int bytes)
    {
        window.Receive(bytes);
        window.Consume(bytes).Should().BeTrue();
    }
}

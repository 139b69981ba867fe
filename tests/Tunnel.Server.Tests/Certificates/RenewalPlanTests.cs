using Tunnel.Hosting.Acme;
using Tunnel.Server.Certificates.Acme;

namespace Tunnel.Server.Tests.Certificates;

/// <summary>When certificates are asked for: early enough, not all at once, and never as a storm.</summary>
public sealed class RenewalPlanTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(90, 0, 60)]
    [InlineData(90, 1, 61.8)]
    [InlineData(6, 0, 4)]
    [InlineData(6, 1, 4.12)]
    public void Renewal_OfWhatNobodySaysAnythingOf_IsAtTwoThirdsOfItsLife(double life, double spread, double days) =>
        RenewalPlan.RenewAt(Start, Start + TimeSpan.FromDays(life), null, spread).Should().BeCloseTo(Start + TimeSpan.FromDays(days), TimeSpan.FromSeconds(1));

    [Theory]
    [InlineData(0, 10)]
    [InlineData(0.5, 11)]
    [InlineData(1, 12)]
    public void Renewal_ThatTheAuthoritySuggests_IsWithinItsWindow(double spread, int day)
    {
        var window = new RenewalInfo(Start + TimeSpan.FromDays(10), Start + TimeSpan.FromDays(12), null, TimeSpan.FromHours(6));
        RenewalPlan.RenewAt(Start, Start + TimeSpan.FromDays(90), window, spread).Should().Be(Start + TimeSpan.FromDays(day));
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 4)]
    [InlineData(5, 32)]
    [InlineData(9, 512)]
    [InlineData(10, 720)]
    [InlineData(int.MaxValue, 720)]
    public void Pause_AfterRefusals_GrowsToHalfADay(int failures, int minutes)
    {
        RenewalPlan.PauseAfter(failures, isOutage: false, null, 0).Should().Be(TimeSpan.FromMinutes(minutes));
        RenewalPlan.PauseAfter(failures, isOutage: false, null, 1).Should().Be(TimeSpan.FromMinutes(minutes) * 1.25);
    }

    [Fact]
    public void Pause_InAnOutage_GrowsToAnHour() => RenewalPlan.PauseAfter(100, isOutage: true, null, 0).Should().Be(TimeSpan.FromHours(1));

    [Fact]
    public void Pause_ThatTheAuthorityNames_IsKeptIfItIsLonger()
    {
        RenewalPlan.PauseAfter(1, isOutage: false, TimeSpan.FromHours(3), 0).Should().Be(TimeSpan.FromHours(3));
        RenewalPlan.PauseAfter(1, isOutage: false, TimeSpan.FromSeconds(1), 0).Should().Be(TimeSpan.FromMinutes(2));
    }

    [Fact]
    public void Try_WhosePauseIsDamaged_ComesWithinAWeek()
    {
        RenewalPlan.NextTry(new KeptTries(1, Start, TimeSpan.FromDays(9999), "")).Should().BeBefore(Start + TimeSpan.FromDays(8));
        RenewalPlan.NextTry(new KeptTries(1, Start, TimeSpan.FromDays(-9999), "")).Should().Be(Start);
    }
}

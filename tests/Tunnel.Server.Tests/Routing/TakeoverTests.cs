using Tunnel.Framing.Frames;
using Tunnel.Server.Guards;
using Tunnel.Server.Routing;
using Tunnel.TestSupport;

namespace Tunnel.Server.Tests.Routing;

/// <summary>Who may take a name from whom: the whole table.</summary>
public sealed class TakeoverTests
{
    private const string RunOne = "one";
    private const string RunTwo = "two";

    [Fact]
    public async Task OtherIdentity_IsAlwaysRefused()
    {
        await using var names = new Registration();
        TunnelHolder older = names.Detached(identity: "alice");
        names.Time.Advance(TimeSpan.FromHours(1));
        Judge(names, names.Attached(identity: "bob", replaces: older.Session), older, pool: true).Should().Be(TakeoverVerdict.Conflicts);
        Takeover.MayStillYield(names.Tunnel("a", names.Attached(identity: "bob")), names.Tunnel("a", older)).Should().BeFalse();
    }

    [Fact]
    public async Task SameAgent_StartedAgain_ReplacesItsPastAtOnce()
    {
        await using var names = new Registration();
        Judge(names, names.Attached(run: RunTwo), names.Attached(run: RunOne)).Should().Be(TakeoverVerdict.Replaces);
        Judge(names, names.Attached(run: RunTwo), names.Attached(run: RunOne, slot: 1)).Should().Be(TakeoverVerdict.Replaces);
        Judge(names, names.Attached(), names.Attached()).Should().Be(TakeoverVerdict.Replaces, "an agent that does not say has one session");
    }

    [Fact]
    public async Task SameAgent_WithSeveralLinks_ServesFromAll()
    {
        await using var names = new Registration();
        Judge(names, names.Attached(run: RunOne, slot: 1), names.Attached(run: RunOne)).Should().Be(TakeoverVerdict.Joins);
        Judge(names, names.Attached(run: RunOne, slot: 1), names.Attached(run: RunOne, slot: 1)).Should().Be(TakeoverVerdict.Replaces);
    }

    [Fact]
    public async Task OtherAgent_WaitsUntilADetachedSessionIsGivenUp()
    {
        await using var names = new Registration();
        TunnelHolder older = names.Detached();
        TunnelHolder newer = names.Attached(instance: 'b');
        Judge(names, newer, older).Should().Be(TakeoverVerdict.Conflicts);
        Takeover.MayStillYield(names.Tunnel("a", newer), names.Tunnel("a", older)).Should().BeTrue();
        names.Time.Advance(Takeover.DetachedTime);
        Judge(names, newer, older).Should().Be(TakeoverVerdict.Takes);
    }

    [Fact]
    public async Task OtherAgent_TakesFromAnAttachedOneOnlyIfThatIsDead()
    {
        await using var names = new Registration();
        TunnelHolder older = names.Attached();
        TunnelHolder newer = names.Attached(instance: 'b');
        names.Time.Advance(TimeSpan.FromHours(1));
        Judge(names, newer, older).Should().Be(TakeoverVerdict.Conflicts);
        older.FoundSilent(older.Session.LastByteAt);
        Judge(names, newer, older).Should().Be(TakeoverVerdict.Takes);
        older.Attached();
        Judge(names, newer, older).Should().Be(TakeoverVerdict.Conflicts, "it has come back");
    }

    [Fact]
    public async Task Silence_OfAnAttachedOne_IsOverWithItsNextByte()
    {
        await using var names = new Registration();
        TunnelHolder older = names.Detached();
        var peer = new RawPeer(names.Attach(older));
        TunnelHolder newer = names.Attached(instance: 'b');
        names.Time.Advance(TimeSpan.FromSeconds(3));
        older.FoundSilent(older.Session.LastByteAt);
        Judge(names, newer, older).Should().Be(TakeoverVerdict.Takes);
        await peer.SendNumberAsync(FrameKind.Ping, 7);
        await peer.ExpectAsync(FrameKind.Pong);
        Judge(names, newer, older).Should().Be(TakeoverVerdict.Conflicts, "it was slow, and it is there");
    }

    [Fact]
    public async Task SessionThatNamesItsPredecessor_IsNeverAConflict()
    {
        await using var names = new Registration();
        TunnelHolder older = names.Attached();
        Judge(names, names.Attached(instance: 'b', replaces: older.Session), older).Should().Be(TakeoverVerdict.Replaces);
    }

    [Fact]
    public async Task SessionThatLeaves_MakesRoomWithoutBeingClosed()
    {
        await using var names = new Registration();
        TunnelHolder older = names.Attached();
        older.Session.Leave("shutdown", reconnect: true, TimeSpan.Zero, TimeSpan.FromSeconds(30));
        Judge(names, names.Attached(instance: 'b'), older).Should().Be(TakeoverVerdict.Follows);
    }

    [Fact]
    public async Task Pool_NeedsBothSides()
    {
        await using var names = new Registration();
        TunnelHolder older = names.Attached();
        TunnelHolder newer = names.Attached(instance: 'b');
        Judge(names, newer, older, pool: true).Should().Be(TakeoverVerdict.Joins);
        Takeover.Judge(names.Tunnel("a", newer, pool: true), names.Tunnel("a", older)).Should().Be(TakeoverVerdict.Conflicts);
        Takeover.Judge(names.Tunnel("a", newer), names.Tunnel("a", older, pool: true)).Should().Be(TakeoverVerdict.Conflicts);
    }

    /// <summary>What one agent keeps out would come in by the other.</summary>
    [Fact]
    public async Task Pool_NeedsEqualGuards()
    {
        await using var names = new Registration();
        var checks = new PasswordChecks(names.Time);
        VisitorGuard Guard(string network) => new(new TunnelGuard { Allow = [network] }, "a", "local", checks);
        TunnelHolder older = names.Attached(run: RunOne);
        TunnelHolder newer = names.Attached(instance: 'b');
        TunnelHolder beside = names.Attached(run: RunOne, slot: 1);

        Takeover.Judge(names.Tunnel("a", newer, pool: true, guard: Guard("10.0.0.0/8")), names.Tunnel("a", older, pool: true, guard: Guard("10.0.0.0/8"))).Should().Be(TakeoverVerdict.Joins);
        foreach (VisitorGuard? guard in new[] { null, Guard("10.0.0.0/9") })
        {
            ServedTunnel held = names.Tunnel("a", older, pool: true, guard: Guard("10.0.0.0/8"));
            Takeover.Judge(names.Tunnel("a", newer, pool: true, guard: guard), held).Should().Be(TakeoverVerdict.Conflicts);
            Takeover.Judge(held, names.Tunnel("a", newer, pool: true, guard: guard)).Should().Be(TakeoverVerdict.Conflicts);
            Takeover.Judge(names.Tunnel("a", beside, guard: guard), held).Should().Be(TakeoverVerdict.Replaces, "an agent that changes its mind has one rule");
        }
    }

    private static TakeoverVerdict Judge(Registration names, TunnelHolder newer, TunnelHolder older, bool pool = false) =>
        Takeover.Judge(names.Tunnel("a", newer, pool), names.Tunnel("a", older, pool));
}

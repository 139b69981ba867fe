using Tunnel.Framing.Frames;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Tests.Routing;

/// <summary>Names and who serves them; nobody waits here.</summary>
public sealed class TunnelRegistryTests
{
    private static readonly WaitingLimits NoHold = new() { Time = TimeSpan.Zero };

    [Fact]
    public async Task Name_ThatIsBound_IsFound()
    {
        await using var names = new Registration(NoHold);
        ServedTunnel tunnel = names.Bind("a.test", names.Attached());
        Route route = names.Find("a.test", out _);
        route.Outcome.Should().Be(RouteOutcome.Found);
        route.Tunnel.Should().BeSameAs(tunnel);
        route.Stream!.Open.TunnelId.Should().Be(1);
        route.Stream.Dispose();
        names.Find("b.test", out _).Outcome.Should().Be(RouteOutcome.NotFound);
        names.Find("", out _).Outcome.Should().Be(RouteOutcome.NotFound);
        names.Find(new string('x', 300), out _).Outcome.Should().Be(RouteOutcome.NotFound);
        names.Registry.IsServed("a.test").Should().BeTrue();
        names.Registry.Count.Should().Be(1);
    }

    [Fact]
    public async Task Name_ThatIsTaken_StaysWithItsHolder()
    {
        await using var names = new Registration(NoHold);
        ServedTunnel holder = names.Bind("a.test", names.Attached(instance: 'a'));
        TunnelHolder second = names.Attached(instance: 'b');
        names.Registry.TryClaim([names.Tunnel("b.test", second), names.Tunnel("a.test", second)], out IReadOnlyList<ServedTunnel> others)
            .Should().BeFalse();
        others.Should().Equal(holder);
        names.Registry.IsServed("b.test").Should().BeFalse("all tunnels are granted or none");
        Route route = names.Find("a.test", out _);
        route.Tunnel.Should().BeSameAs(holder);
        route.Stream!.Dispose();
    }

    [Fact]
    public async Task Name_OfASessionThatIsReplaced_ChangesHands()
    {
        await using var names = new Registration(NoHold);
        ServedTunnel old = names.Bind("a.test", names.Attached(instance: 'a'));
        ServedTunnel taken = names.Tunnel("a.test", names.Attached(instance: 'a'));
        names.Registry.TryClaim([taken], out IReadOnlyList<ServedTunnel> others).Should().BeTrue();
        others.Should().Equal(old);
        names.Registry.Unbind(old);
        Route route = names.Find("a.test", out _);
        route.Tunnel.Should().BeSameAs(taken, "who was replaced takes nobody off");
        route.Stream!.Dispose();
    }

    [Fact]
    public async Task Name_ThatIsDropped_IsRememberedForAWhile()
    {
        await using var names = new Registration(NoHold);
        ServedTunnel tunnel = names.Bind("a.test", names.Attached());
        names.Registry.Unbind(tunnel);
        names.Registry.Count.Should().Be(0);
        names.Registry.IsServed("a.test").Should().BeFalse();
        names.Time.Advance(TimeSpan.FromSeconds(19));
        names.Find("a.test", out _).Outcome.Should().Be(RouteOutcome.Offline);
        names.Time.Advance(TimeSpan.FromSeconds(1));
        names.Find("a.test", out _).Outcome.Should().Be(RouteOutcome.NotFound);
        names.Bind("a.test", names.Attached());
    }

    [Fact]
    public async Task Pool_OfSessions_GivesEachRequestToTheLeastBusy()
    {
        await using var names = new Registration(NoHold);
        ServedTunnel first = names.Bind("a.test", names.Attached(instance: 'a'), pool: true);
        ServedTunnel second = names.Bind("a.test", names.Attached(instance: 'b'), pool: true);
        Route[] routes = [.. Enumerable.Range(0, 6).Select(_ => names.Find("a.test", out WaitingRequest? _))];
        routes.Count(route => route.Tunnel == first).Should().Be(3);
        routes.Count(route => route.Tunnel == second).Should().Be(3);
        second.OriginRefused(names.Registry.Now);
        Route last = names.Find("a.test", out _);
        last.Tunnel.Should().BeSameAs(first, "an origin that just refused comes last");
        first.Holder.Detached();
        Route other = names.Find("a.test", out _);
        other.Tunnel.Should().BeSameAs(second, "and is better than none");
        foreach (Route route in (Route[])[.. routes, last, other])
        {
            route.Stream!.Dispose();
        }
    }

    [Fact]
    public async Task Session_ThatWouldNotTakeTheRequest_IsNotAskedAgain()
    {
        await using var names = new Registration();
        TunnelHolder full = names.Attached(instance: 'a');
        names.Bind("a.test", full, pool: true);
        names.Find("a.test", out WaitingRequest? held, refused: full).Outcome.Should().Be(RouteOutcome.TooBusy);
        held.Should().BeNull("nobody else is there to wait for");
        ServedTunnel other = names.Bind("a.test", names.Attached(instance: 'b'), pool: true);
        Route route = names.Find("a.test", out _, refused: full);
        route.Tunnel.Should().BeSameAs(other);
        route.Stream!.Dispose();
    }

    [Fact]
    public async Task Claim_ThatIsGivenUp_LeavesTheNameAsItWas()
    {
        await using var names = new Registration();
        ServedTunnel old = names.Bind("a.test", names.Detached(), type: TunnelTypes.Tls);
        names.Time.Advance(Takeover.DetachedTime);
        ServedTunnel web = names.Tunnel("a.test", names.Attached(instance: 'b'));
        ServedTunnel fresh = names.Tunnel("b.test", web.Holder, type: TunnelTypes.Tls);
        names.Registry.TryClaim([web, fresh], out IReadOnlyList<ServedTunnel> others).Should().BeTrue();
        names.Registry.TypeOf("a.test").Should().Be(TunnelTypes.Http);
        names.Registry.TakeBack([web, fresh], others);
        names.Registry.TypeOf("a.test").Should().Be(TunnelTypes.Tls);
        names.Registry.TypeOf("b.test").Should().BeNull("nobody has ever served it");
        names.Registry.Unbind(old);
        names.Registry.TypeOf("a.test").Should().Be(TunnelTypes.Tls, "it was served a moment ago");
        names.Registry.IsServed("a.test").Should().BeFalse();
    }

    [Fact]
    public async Task Claim_ThatIsGivenUp_BringsNobodyBackWhoHasLeftMeanwhile()
    {
        await using var names = new Registration();
        ServedTunnel old = names.Bind("a.test", names.Detached());
        names.Time.Advance(Takeover.DetachedTime);
        ServedTunnel taken = names.Tunnel("a.test", names.Attached(instance: 'b'));
        names.Registry.TryClaim([taken], out IReadOnlyList<ServedTunnel> others).Should().BeTrue();
        names.Registry.Unbind(old);
        names.Registry.TakeBack([taken], others);
        names.Registry.IsServed("a.test").Should().BeFalse();
    }
}

using Tunnel.Framing.Frames;
using Tunnel.Server.Routing;
using Tunnel.TestSupport;
using Tunnel.Transport;

namespace Tunnel.Server.Tests.Routing;

/// <summary>Requests that wait at their name: who waits, how long, how many, in which order.</summary>
public sealed class HoldTests
{
    [Fact]
    public async Task Request_OfADetachedSession_WaitsUntilItIsBack()
    {
        await using var names = new Registration();
        TunnelHolder holder = names.Detached();
        ServedTunnel tunnel = names.Bind("a.test", holder);
        WaitingRequest held = names.Hold("a.test");
        names.Registry.Waiting.Should().Be(1);
        names.Attach(holder);
        names.Registry.Release("a.test");
        Route route = await held.Released.Within();
        route.Tunnel.Should().BeSameAs(tunnel);
        route.Stream!.Dispose();
        names.Registry.Waiting.Should().Be(0);
    }

    [Fact]
    public async Task Requests_OfAFullSession_GoThroughOneForEachSlot_InTheirOrder()
    {
        await using var names = new Registration();
        names.Bind("a.test", names.Attached(streams: 2));
        Route[] running = [names.Find("a.test", out _), names.Find("a.test", out _)];
        WaitingRequest[] waiting = [.. Enumerable.Range(0, 5).Select(_ => names.Hold("a.test"))];
        for (int i = 0; i < 2; i++)
        {
            // Nothing of it was sent, so the slot is free at once.
            running[i].Stream!.Dispose();
            names.Registry.Release("a.test");
        }

        Route[] next = [await waiting[0].Released.Within(), await waiting[1].Released.Within()];
        waiting[2].Released.IsCompleted.Should().BeFalse("nobody is woken to find no room");
        names.Registry.Waiting.Should().Be(3);
        names.Find("a.test", out WaitingRequest? late);
        late.Should().NotBeNull("who comes later stands behind those who wait");
        for (int i = 2; i < 5; i++)
        {
            next[i % 2].Stream!.Dispose();
            names.Registry.Release("a.test");
            next[i % 2] = await waiting[i].Released.Within();
        }

        late!.Cancel();
        next[0].Stream!.Dispose();
        next[1].Stream!.Dispose();
    }

    [Theory]
    [InlineData("detached", RouteOutcome.Offline)]
    [InlineData("full", RouteOutcome.TooBusy)]
    [InlineData("ended", RouteOutcome.Offline)]
    [InlineData("unknown", RouteOutcome.NotFound)]
    public async Task Request_ThatNobodyTakes_IsToldWhyAfterItsTime(string state, object outcome)
    {
        await using var names = new Registration();
        ServedTunnel tunnel = names.Bind("a.test", state == "full" ? names.Attached(streams: 1) : names.Detached());
        Route running = state == "full" ? names.Find("a.test", out _) : default;
        if (state == "ended")
        {
            names.Registry.Unbind(tunnel);
        }

        WaitingRequest held = names.Hold(state == "unknown" ? "b.test" : "a.test");
        names.Time.Advance(TimeSpan.FromSeconds(19));
        held.Released.IsCompleted.Should().BeFalse();
        names.Time.Advance(TimeSpan.FromSeconds(1));
        names.Time.Advance(TimeSpan.FromSeconds(1));
        Route route = await held.Released.Within();
        route.Outcome.Should().Be((RouteOutcome)outcome);
        names.Registry.Waiting.Should().Be(0);
        running.Stream?.Dispose();
    }

    [Theory]
    [InlineData("full", RouteOutcome.TooBusy)]
    [InlineData("gone", RouteOutcome.Offline)]
    [InlineData("another type", RouteOutcome.NotFound)]
    public async Task Request_ThatNobodyTakes_IsToldWhatIsTrueWhenItsTimeIsOver(string state, object outcome)
    {
        await using var names = new Registration();
        TunnelHolder holder = names.Detached(streams: 1);
        ServedTunnel tunnel = names.Bind("a.test", holder);
        WaitingRequest first = names.Hold("a.test");
        WaitingRequest held = names.Hold("a.test");
        Route running = default;
        switch (state)
        {
            case "full":
                names.Attach(holder);
                names.Registry.Release("a.test");
                running = await first.Released.Within();
                break;
            case "gone":
                names.Registry.Unbind(tunnel);
                break;
            default:
                names.Registry.Unbind(tunnel);
                names.Bind("a.test", names.Attached(), type: "tls");
                break;
        }

        names.Time.Advance(TimeSpan.FromSeconds(21));
        (await held.Released.Within()).Outcome.Should().Be((RouteOutcome)outcome);
        running.Stream?.Dispose();
    }

    [Fact]
    public async Task Requests_OfAnotherTypeThanTheNameHasNow_HoldNobodyUp()
    {
        // Of a server that has just begun nobody knows yet that the name is no web server's.
        await using var names = new Registration();
        WaitingRequest[] web = [names.Hold("a.test"), names.Hold("a.test")];
        ServedTunnel tunnel = names.Bind("a.test", names.Attached(), type: TunnelTypes.Tls);
        names.Registry.Find("a.test"u8, names.Request() with { Type = TunnelTypes.Tls }, out WaitingRequest? raw);
        Route route = await raw!.Released.Within();
        route.Tunnel.Should().BeSameAs(tunnel);
        route.Stream!.Dispose();
        foreach (WaitingRequest held in web)
        {
            (await held.Released.Within()).Outcome.Should().Be(RouteOutcome.NotFound, "nobody comes for it any more");
        }

        names.Registry.Waiting.Should().Be(0);
    }

    [Fact]
    public async Task OwnedName_WithoutAnAgent_IsOfflineAndIsNotWaitedFor()
    {
        await using var names = new Registration();
        names.Owned.Add("a.test");
        WaitingRequest young = names.Hold("a.test");
        names.Time.Advance(TimeSpan.FromSeconds(21));
        (await young.Released.Within()).Outcome.Should().Be(RouteOutcome.Offline, "its agent did not come");
        names.Registry.Unbind(names.Bind("a.test", names.Attached()));
        names.Time.Advance(TimeSpan.FromSeconds(21));
        names.Find("a.test", out WaitingRequest? held).Outcome.Should().Be(RouteOutcome.Offline, "it is somebody's, also when nobody remembers it");
        held.Should().BeNull();
        names.Find("b.test", out _).Outcome.Should().Be(RouteOutcome.NotFound);
    }

    [Fact]
    public async Task Owner_OfAName_IsAskedWithoutTheLock()
    {
        await using var clock = new DeadlineClock(TimeProvider.System);
        TunnelRegistry? registry = null;
        using (registry = new TunnelRegistry(new WaitingLimits { Time = TimeSpan.Zero }, IsOwned, TimeProvider.System, clock))
        {
            registry.Find("a.test"u8, default, out _).Outcome.Should().Be(RouteOutcome.Offline);
        }

        // Another thread comes in while the question is open.
        bool IsOwned(string name) => Task.Run(() => registry!.IsServed(name)).Wait(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task UnknownName_OfAServerThatHasRunForAWhile_IsNotWaitedFor()
    {
        await using var names = new Registration();
        names.Time.Advance(TimeSpan.FromSeconds(20));
        names.Find("a.test", out WaitingRequest? held).Outcome.Should().Be(RouteOutcome.NotFound);
        held.Should().BeNull();
    }

    [Fact]
    public async Task Agent_OfANameThatIsWaitedFor_FindsItsRequests()
    {
        await using var names = new Registration();
        WaitingRequest held = names.Hold("a.test");
        ServedTunnel tunnel = names.Bind("a.test", names.Attached());
        names.Registry.Release("a.test");
        Route route = await held.Released.Within();
        route.Tunnel.Should().BeSameAs(tunnel);
        route.Stream!.Dispose();
    }

    [Fact]
    public async Task Request_WhoseVisitorLeft_LeavesNothingBehind()
    {
        await using var names = new Registration();
        TunnelHolder holder = names.Detached();
        names.Bind("a.test", holder);
        WaitingRequest left = names.Hold("a.test");
        WaitingRequest stays = names.Hold("a.test");
        left.Cancel();
        (await left.Released.Within()).Outcome.Should().Be(RouteOutcome.Cancelled);
        left.Cancel();
        names.Registry.Waiting.Should().Be(1);
        names.Attach(holder);
        names.Registry.Release("a.test");
        (await stays.Released.Within()).Stream!.Dispose();
        holder.Session.OpenStreams.Should().Be(0);
    }

    [Fact]
    public async Task Visitor_ThatLeavesWhenItsTimeIsOver_TakesNoNameAlong()
    {
        await using var names = new Registration();
        WaitingRequest late = names.Hold("a.test");
        names.Time.Advance(TimeSpan.FromSeconds(21));
        (await late.Released.Within()).Outcome.Should().Be(RouteOutcome.NotFound);
        names.Bind("a.test", names.Attached());
        late.Cancel();
        names.Registry.IsServed("a.test").Should().BeTrue("the name has come into being since");
        names.Find("a.test", out _).Stream!.Dispose();
    }

    [Fact]
    public async Task Waiting_HasItsBounds_InNumberAndInMemory()
    {
        await using var names = new Registration(new WaitingLimits { MostRequests = 3, MostBytes = 1000 });
        names.Bind("a.test", names.Detached());
        WaitingRequest first = names.Hold("a.test", bytes: 600);
        names.Find("a.test", out WaitingRequest? second, bytes: 500).Outcome.Should().Be(RouteOutcome.TooBusy);
        second.Should().BeNull();
        names.Hold("a.test", bytes: 200);
        names.Hold("a.test", bytes: 200);
        names.Find("a.test", out WaitingRequest? _, bytes: 0).Outcome.Should().Be(RouteOutcome.TooBusy);
        first.Cancel();
        names.Hold("a.test", bytes: 600);
    }

    [Fact]
    public async Task Name_ThatFillsTheRoom_GivesWayToOthersUntilAllHaveAsMuch()
    {
        await using var names = new Registration(new WaitingLimits { MostRequests = 6, MostBytes = 6000 });
        foreach (string name in (string[])["a.test", "b.test", "c.test"])
        {
            names.Bind(name, names.Detached());
        }

        WaitingRequest[] many = [.. Enumerable.Range(0, 6).Select(_ => names.Hold("a.test"))];
        names.Find("a.test", out _).Outcome.Should().Be(RouteOutcome.TooBusy, "nobody takes more than it has already");
        WaitingRequest[] few = [names.Hold("b.test"), names.Hold("c.test"), names.Hold("b.test"), names.Hold("c.test")];
        names.Registry.Waiting.Should().Be(6);
        names.Find("b.test", out _).Outcome.Should().Be(RouteOutcome.TooBusy, "all have as much");
        for (int i = 0; i < many.Length; i++)
        {
            many[i].Released.IsCompleted.Should().Be(i >= 2, "the newest lose their places");
        }

        (await many[5].Released.Within()).Outcome.Should().Be(RouteOutcome.TooBusy);
        few.Should().OnlyContain(held => !held.Released.IsCompleted);
        few[0].Cancel();
        names.Hold("a.test").Released.IsCompleted.Should().BeFalse("there is room again");
    }

    [Fact]
    public async Task Name_WhoseRequestsAreLarge_GivesWayToo()
    {
        await using var names = new Registration(new WaitingLimits { MostRequests = 1000, MostBytes = 10_000 });
        names.Bind("a.test", names.Detached());
        names.Bind("b.test", names.Detached());
        WaitingRequest[] large = [names.Hold("a.test", bytes: 5000), names.Hold("a.test", bytes: 5000)];
        WaitingRequest[] small = [.. Enumerable.Range(0, 40).Select(_ => names.Hold("b.test", bytes: 100))];
        large.Select(held => held.Released.IsCompleted).Should().Equal(false, true);
        small.Should().OnlyContain(held => !held.Released.IsCompleted);
        names.Find("a.test", out _, bytes: 6000).Outcome.Should().Be(RouteOutcome.TooBusy);
    }

    [Fact]
    public async Task NamesThatNobodyKnows_HaveWhatKnownOnesLeave()
    {
        await using var names = new Registration(new WaitingLimits { MostRequests = 6, MostBytes = 6000 });
        names.Owned.Add("owned.test");
        names.Bind("served.test", names.Detached());
        WaitingRequest[] strangers = [.. Enumerable.Range(0, 6).Select(number => names.Hold($"unknown-{number}.test"))];
        names.Find("unknown-6.test", out _).Outcome.Should().Be(RouteOutcome.TooBusy);
        WaitingRequest[] known = [.. Enumerable.Range(0, 3).SelectMany(_ => (WaitingRequest[])[names.Hold("owned.test"), names.Hold("served.test")])];
        foreach (WaitingRequest held in strangers)
        {
            (await held.Released.Within()).Outcome.Should().Be(RouteOutcome.TooBusy);
        }

        known.Should().OnlyContain(held => !held.Released.IsCompleted);
        names.Find("unknown-7.test", out _).Outcome.Should().Be(RouteOutcome.TooBusy, "a known name gives way to no unknown one");
        names.Registry.Waiting.Should().Be(6);
    }

    [Fact]
    public async Task Request_ThatFindsNoRoomAfterAll_HasTakenNobodysPlace()
    {
        await using var names = new Registration(new WaitingLimits { MostRequests = 1000, MostBytes = 10_000 });
        names.Bind("a.test", names.Detached());
        names.Bind("b.test", names.Detached());
        WaitingRequest[] many = [.. Enumerable.Range(0, 10).Select(_ => names.Hold("a.test", bytes: 1000))];
        names.Find("b.test", out _, bytes: 7000).Outcome.Should().Be(RouteOutcome.TooBusy, "it would take more than whoever gives way to it");
        many.Should().OnlyContain(held => !held.Released.IsCompleted);
        names.Registry.Waiting.Should().Be(10);
        names.Time.Advance(TimeSpan.FromSeconds(21));
        (await Task.WhenAll(many.Select(held => held.Released)).Within()).Should().OnlyContain(route => route.Outcome == RouteOutcome.Offline);
        names.Registry.Waiting.Should().Be(0);
    }

    [Fact]
    public async Task TenThousandRequests_ThatWait_AreReleasedWithoutALossAndInOrder()
    {
        await using var names = new Registration();
        TunnelHolder holder = names.Detached(streams: 100);
        names.Bind("a.test", holder);
        WaitingRequest[] waiting = [.. Enumerable.Range(0, 10_000).Select(_ => names.Hold("a.test"))];
        names.Attach(holder);
        names.Registry.Release("a.test");
        foreach (WaitingRequest held in waiting)
        {
            Route route = await held.Released.Within();
            route.Outcome.Should().Be(RouteOutcome.Found);
            route.Stream!.Dispose();
            names.Registry.Release("a.test");
        }

        names.Registry.Waiting.Should().Be(0);
    }
}

using System.Net;
using Tunnel.Framing.Frames;
using Tunnel.Server.Agents;
using Tunnel.Server.Identity;
using Tunnel.Server.Routing;
using Tunnel.Server.Tests.Identity;
using Tunnel.TestSupport;

namespace Tunnel.Server.Tests.Agents;

public sealed class AgentSessionTests : IAsyncDisposable
{
    private readonly AgentRoom _room = new();

    public ValueTask DisposeAsync() => _room.DisposeAsync();

    [Fact]
    public async Task Names_ThatAreFree_AreGrantedWithTheirUrls()
    {
        AgentSession session = _room.NewSession('a');
        (await _room.ClaimAsync(session, AgentRoom.Request(1, "one"))).Should().BeNull();
        BoundMessage bound = await _room.Claims.BindAsync(session, AgentRoom.Request(2, "two"), CancellationToken.None);
        bound.ToGrant().Should().Be(new TunnelGrant(2, "two.test", "http://two.test"));
        AgentRoom.TunnelsOf(session).Should().Be("1:one.test 2:two.test");
        _room.Registry.IsServed("two.test").Should().BeTrue();
    }

    [Fact]
    public async Task Name_HeldBySomebodyElse_IsAConflictThatNamesThemAndSinceWhen()
    {
        AgentSession holder = _room.NewSession('a');
        (await _room.ClaimAsync(holder, AgentRoom.Request(1, "one"))).Should().BeNull();
        (_, TokenRecord token) = await new TokenIssuer(_room.Tokens, TimeProvider.System).CreateAsync(TokenStoreTests.Wanted("other"), pin: null, "test:9090");
        AgentSession other = _room.NewSession('b', new AgentIdentity(token.Id, token.Name));
        BoundMessage? refusal = await _room.ClaimAsync(other, AgentRoom.Request(1, "two"), AgentRoom.Request(2, "one"));
        (refusal!.Code, refusal.Retry).Should().Be((RejectCodes.NameConflict, true));
        refusal.Id.Should().Be(2);
        refusal.Message.Should().Contain("one.test").And.Contain($"{AgentRoom.AddressOf('a')}").And.Contain("since 2000-01-01 00:00:00 UTC").And.Contain("--pool");
        AgentRoom.TunnelsOf(other).Should().Be("1:two.test", "each is answered by itself");
        _room.Registry.IsServed("one.test").Should().BeTrue();
    }

    [Fact]
    public async Task Name_OfADetachedSession_IsHadAfterFiveSeconds()
    {
        AgentSession holder = _room.NewSession('a');
        (await _room.ClaimAsync(holder, AgentRoom.Request(1, "one"))).Should().BeNull();
        holder.Introduce();
        _room.Time.Advance(TimeSpan.FromSeconds(2));
        AgentSession other = _room.NewSession('b');
        Task<BoundMessage?> claiming = _room.ClaimAsync(other, AgentRoom.Request(1, "one"));
        _room.Time.Advance(TimeSpan.FromSeconds(2));
        claiming.IsCompleted.Should().BeFalse();
        _room.Time.Advance(TimeSpan.FromSeconds(1));
        (await claiming.Within()).Should().BeNull();
        holder.Session.Ended.IsCompleted.Should().BeFalse("it goes on, without a name");
        RawPeer agent = await _room.AttachAsync(holder);
        (await agent.ExpectAsync(FrameKind.Unbound)).Text.Should().Contain("\"id\":1").And.Contain(RejectCodes.NameConflict);
        holder.Tunnels.Should().BeEmpty();
        holder.Close(CloseCode.Normal, "its work is done");
        await agent.ExpectCloseAsync();
        await holder.Life.Within();
        _room.Registry.IsServed("one.test").Should().BeTrue("who has lost the name takes nobody off");
    }

    [Fact]
    public async Task Name_TakenFromASessionWithOthers_IsTheOnlyThingItLoses()
    {
        AgentSession holder = _room.NewSession('a');
        (await _room.ClaimAsync(holder, AgentRoom.Request(1, "one"), AgentRoom.Request(2, "two"))).Should().BeNull();
        _room.Time.Advance(TimeSpan.FromSeconds(5));
        AgentSession other = _room.NewSession('b');
        (await _room.ClaimAsync(other, AgentRoom.Request(1, "one"))).Should().BeNull();
        holder.Session.Ended.IsCompleted.Should().BeFalse();
        AgentRoom.TunnelsOf(holder).Should().Be("2:two.test");
        RawPeer agent = await _room.AttachAsync(holder);
        string unbound = (await agent.ExpectAsync(FrameKind.Unbound)).Text;
        unbound.Should().Contain("\"id\":1").And.Contain(RejectCodes.NameConflict).And.Contain($"{AgentRoom.AddressOf('b')}");
        _room.Registry.Unbind(new ServedTunnel("two.test", AgentRoom.Request(2, "two"), other.Holder, default));
        _room.Registry.IsServed("two.test").Should().BeTrue();
    }

    [Fact]
    public async Task Session_ThatLosesOneNameAfterTheOther_GoesOnAndMayAskAgain()
    {
        AgentSession holder = _room.NewSession('a');
        (await _room.ClaimAsync(holder, AgentRoom.Request(1, "one"), AgentRoom.Request(2, "two"))).Should().BeNull();
        _room.Time.Advance(TimeSpan.FromSeconds(5));
        AgentSession other = _room.NewSession('b');
        (await _room.ClaimAsync(other, AgentRoom.Request(1, "one"), AgentRoom.Request(2, "two"))).Should().BeNull();
        RawPeer agent = await _room.AttachAsync(holder);
        (await agent.ExpectAsync(FrameKind.Unbound)).Text.Should().Contain("\"id\":1");
        (await agent.ExpectAsync(FrameKind.Unbound)).Text.Should().Contain("\"id\":2");
        other.Close(CloseCode.Normal, "its work is done");
        await other.Life.Within();
        (await _room.ClaimAsync(holder, AgentRoom.Request(2, "one"))).Should().BeNull();
        AgentRoom.TunnelsOf(holder).Should().Be("2:one.test");
    }

    [Fact]
    public async Task Session_WhoseNamesATokenGets_LosesThemOneByOneAndGoesOn()
    {
        AgentSession session = _room.NewSession('a');
        RawPeer agent = await _room.AttachAsync(session);
        (await _room.ClaimAsync(session, AgentRoom.Request(1, "one"), AgentRoom.Request(2, "two"))).Should().BeNull();
        await new TokenIssuer(_room.Tokens, TimeProvider.System).CreateAsync(TokenStoreTests.Wanted("owner") with { Subdomains = ["one"] }, pin: null, "test:9090");
        session.EndUnlessAllowed();
        (await agent.ExpectAsync(FrameKind.Unbound)).Text.Should().Contain("\"id\":1").And.Contain(RejectCodes.NameRefused);
        AgentRoom.TunnelsOf(session).Should().Be("2:two.test");
        _room.Registry.IsServed("one.test").Should().BeFalse();
        await new TokenIssuer(_room.Tokens, TimeProvider.System).CreateAsync(TokenStoreTests.Wanted("next") with { Subdomains = ["two"] }, pin: null, "test:9090");
        session.EndUnlessAllowed();
        (await agent.ExpectAsync(FrameKind.Unbound)).Text.Should().Contain("\"id\":2");
        session.Session.Ended.IsCompleted.Should().BeFalse();
        (await _room.ClaimAsync(session, AgentRoom.Request(1, "three"))).Should().BeNull();
    }

    [Fact]
    public async Task Bind_OfANameOneHolds_UpdatesItInOneStep()
    {
        AgentSession session = _room.NewSession('a');
        await _room.AttachAsync(session);
        (await _room.ClaimAsync(session, AgentRoom.Request(1, "one"))).Should().BeNull();
        ServedTunnel before = session.Tunnels[0];
        TunnelRequest guarded = AgentRoom.Request(1, "ONE") with { Guard = new TunnelGuard { Deny = ["203.0.113.0/24"] } };
        (await _room.ClaimAsync(session, guarded)).Should().BeNull();
        ServedTunnel after = session.Tunnels.Should().ContainSingle().Which;
        after.Should().NotBeSameAs(before);
        Open().Tunnel.Should().BeSameAs(after);
        after.Guard!.Admits(IPAddress.Parse("203.0.113.1")).Should().BeFalse();
        (await _room.ClaimAsync(session, AgentRoom.Request(7, "one"))).Should().BeNull();
        AgentRoom.TunnelsOf(session).Should().Be("7:one.test", "the number is one of the settings");
        Open().Stream!.Open.TunnelId.Should().Be(7);
        (await _room.ClaimAsync(session, AgentRoom.Request(1, "two"))).Should().BeNull("the old number is free");
        (await _room.ClaimAsync(session, AgentRoom.Request(7, "two")))!.Code.Should().Be(RejectCodes.NameRefused, "this one is not");
        AgentRoom.TunnelsOf(session).Should().Be("1:two.test 7:one.test", "what was refused has changed nothing");
        _room.Registry.Count.Should().Be(2);

        Route Open()
        {
            var open = new OpenHeader(StreamType.Http, VisitorScheme.Http, 0, default, 0);
            Route route = _room.Registry.Find("one.test"u8, new RouteRequest(open, TunnelTypes.Http, _room.Registry.Now, Bytes: 0), out WaitingRequest? held);
            held.Should().BeNull();
            route.Stream?.Dispose();
            return route;
        }
    }

    [Fact]
    public async Task Update_WhileAnotherAgentSharesTheName_IsJudgedAsANewClaim()
    {
        AgentSession one = _room.NewSession('a');
        AgentSession two = _room.NewSession('b');
        RawPeer peer = await _room.AttachAsync(two);
        TunnelRequest pooled = AgentRoom.Request(1, "one") with { Pool = true };
        (await _room.ClaimAsync(one, pooled)).Should().BeNull();
        (await _room.ClaimAsync(two, pooled)).Should().BeNull();
        TunnelRequest guarded = pooled with { Guard = new TunnelGuard { Deny = ["203.0.113.1"] } };
        Task<BoundMessage?> asking = _room.ClaimAsync(one, guarded);
        await peer.SendNumberAsync(FrameKind.Pong, (await peer.ExpectAsync(FrameKind.Ping)).Number);
        (await asking.Within())!.Message.Should().Contain("let other visitors in");
        one.Tunnels.Should().ContainSingle().Which.Guard.Should().BeNull("it is served as before");
    }

    [Fact]
    public async Task Bind_ThatItsSessionCannotHave_TakesTheNameFromNobody()
    {
        AgentSession holder = _room.NewSession('a');
        (await _room.ClaimAsync(holder, AgentRoom.Request(1, "one"))).Should().BeNull();
        AgentSession heir = _room.NewSession('a');
        (await _room.ClaimAsync(heir, AgentRoom.Request(1, "two"))).Should().BeNull();
        (await _room.Claims.BindAsync(heir, AgentRoom.Request(1, "one"), CancellationToken.None)).Code.Should().Be(RejectCodes.NameRefused, "it has a tunnel of this number");
        _room.Registry.IsServed("one.test").Should().BeTrue();
        holder.Session.Ended.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Claim_OfASessionThatEndedMeanwhile_TakesTheNameFromNobody()
    {
        AgentSession holder = _room.NewSession('a');
        (await _room.ClaimAsync(holder, AgentRoom.Request(1, "one"))).Should().BeNull();
        AgentSession other = _room.NewSession('b');
        Task<BoundMessage?> claiming = _room.ClaimAsync(other, AgentRoom.Request(1, "one"));
        other.Close(CloseCode.Normal, "its agent left");
        await other.Life.Within();
        _room.Time.Advance(TimeSpan.FromSeconds(5));
        (await claiming.Within())!.Code.Should().Be(RejectCodes.NameRefused);
        holder.Session.Ended.IsCompleted.Should().BeFalse();
        _room.Registry.IsServed("one.test").Should().BeTrue();
    }

    [Fact]
    public async Task Session_ThatDoesNotComeAbout_FreesItsNames()
    {
        AgentSession session = _room.NewSession('a');
        (await _room.ClaimAsync(session, AgentRoom.Request(1, "one"))).Should().BeNull();
        session.Close(CloseCode.Normal, "the handshake failed");
        await session.Life.Within();
        _room.Registry.IsServed("one.test").Should().BeFalse();
        _room.Directory.Count.Should().Be(0);
        (await _room.ClaimAsync(session, AgentRoom.Request(2, "late"))).Should().NotBeNull("nothing is bound to what is over");
        _room.Registry.IsServed("late.test").Should().BeFalse();
    }

    [Fact]
    public async Task Sessions_ThatWereRefused_PushNoOtherOutOfMemory()
    {
        AgentSession known = _room.NewSession('a');
        known.Introduce();
        known.Close(CloseCode.Normal, "its time was over");
        await known.Life.Within();
        AgentSession refused = _room.NewSession('b');
        for (int i = 0; i <= EndedSessions.Most; i++)
        {
            refused = _room.NewSession('b');
            refused.Close(CloseCode.Normal, "the handshake failed");
            await refused.Life.Within();
        }

        _room.Directory.EndOf(refused.Id).Should().BeNull("nobody was told of it");
        _room.Directory.EndOf(known.Id).Should().Contain("its time was over");
    }

    [Fact]
    public void Numbers_OfDials_OnlyRise()
    {
        using var order = new AttachOrder();
        order.TryClaim(3).Should().BeTrue();
        order.TryClaim(3).Should().BeFalse();
        order.TryClaim(2).Should().BeFalse();
        order.IsNewest(3).Should().BeTrue();
        order.TryClaim(7).Should().BeTrue();
        order.IsNewest(3).Should().BeFalse();
    }

    [Fact]
    public void Reasons_OfSessionsThatEnded_AreKeptWithinABound()
    {
        var ended = new EndedSessions();
        for (int i = 0; i <= EndedSessions.Most; i++)
        {
            ended.Add($"session {i}", $"reason {i}");
        }

        ended.Find("session 0").Should().BeNull();
        ended.Find("session 1").Should().Be("reason 1");
        ended.Find($"session {EndedSessions.Most}").Should().NotBeNull();
    }
}

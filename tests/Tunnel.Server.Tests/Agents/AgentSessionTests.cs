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
    public async Task Names_OfAHello_AreGrantedWithTheirUrls()
    {
        AgentSession session = _room.NewSession('a');
        (await _room.ClaimAsync(session, AgentRoom.Request(1, "one"), AgentRoom.Request(2, "two"))).Should().BeNull();
        session.Grants.Should().Equal(new TunnelGrant(1, "one.test", "http://one.test"), new TunnelGrant(2, "two.test", "http://two.test"));
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
        refusal!.Code.Should().Be(RejectCodes.NameConflict);
        refusal.Id.Should().Be(2);
        refusal.Message.Should().Contain("one.test").And.Contain("agent a").And.Contain("since 2000-01-01 00:00:00 UTC").And.Contain("--pool");
        _room.Registry.IsServed("two.test").Should().BeFalse();
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
        await holder.Life.Within();
        (await holder.Session.Ended).Code.Should().Be(CloseCode.Replaced);
        _room.Directory.EndOf(holder.Id).Should().Contain("replaced");
        _room.Registry.IsServed("one.test").Should().BeTrue("who was replaced takes nobody off");
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
        holder.Grants.Should().Equal(new TunnelGrant(2, "two.test", "http://two.test"));
        RawPeer agent = await _room.AttachAsync(holder);
        string bound = (await agent.ExpectAsync(FrameKind.Bound)).Text;
        bound.Should().Contain("\"id\":1").And.Contain(RejectCodes.NameConflict).And.Contain("agent b");
        _room.Registry.Unbind(new ServedTunnel("two.test", AgentRoom.Request(2, "two"), other.Holder, default));
        _room.Registry.IsServed("two.test").Should().BeTrue();
    }

    [Fact]
    public async Task Session_ThatLosesOneNameAfterTheOther_EndsWithTheLast()
    {
        AgentSession holder = _room.NewSession('a');
        (await _room.ClaimAsync(holder, AgentRoom.Request(1, "one"), AgentRoom.Request(2, "two"))).Should().BeNull();
        _room.Time.Advance(TimeSpan.FromSeconds(5));
        AgentSession other = _room.NewSession('b');
        (await _room.ClaimAsync(other, AgentRoom.Request(1, "one"))).Should().BeNull();
        (await _room.ClaimAsync(other, AgentRoom.Request(2, "two"))).Should().BeNull();
        await holder.Life.Within();
        (await holder.Session.Ended).Code.Should().Be(CloseCode.Replaced);
        other.Grants.Should().HaveCount(2);
    }

    [Fact]
    public async Task Session_OneOfWhoseNamesATokenGets_KeepsTheOthers()
    {
        AgentSession session = _room.NewSession('a');
        (await _room.ClaimAsync(session, AgentRoom.Request(1, "one"), AgentRoom.Request(2, "two"))).Should().BeNull();
        await new TokenIssuer(_room.Tokens, TimeProvider.System).CreateAsync(TokenStoreTests.Wanted("owner") with { Subdomains = ["one"] }, pin: null, "test:9090");
        session.EndUnlessAllowed();
        session.Grants.Should().Equal(new TunnelGrant(2, "two.test", "http://two.test"));
        _room.Registry.IsServed("one.test").Should().BeFalse();
        await new TokenIssuer(_room.Tokens, TimeProvider.System).CreateAsync(TokenStoreTests.Wanted("next") with { Subdomains = ["two"] }, pin: null, "test:9090");
        session.EndUnlessAllowed();
        (await session.Session.Ended.Within()).Code.Should().Be(CloseCode.Revoked);
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
    public async Task Name_AskedForTwiceInOneHello_IsRefused()
    {
        AgentSession session = _room.NewSession('a');
        BoundMessage? refusal = await _room.ClaimAsync(session, AgentRoom.Request(1, "one"), AgentRoom.Request(2, "ONE"));
        (refusal!.Id, refusal.Code).Should().Be((2U, RejectCodes.NameRefused));
        refusal.Message.Should().Contain("one.test").And.Contain("twice");
        _room.Registry.IsServed("one.test").Should().BeFalse();
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

using Tunnel.Framing.Frames;
using Tunnel.Server.Agents;
using Tunnel.TestSupport;

namespace Tunnel.Server.Tests.Agents;

/// <summary>BIND and UNBIND on a live session, while a claim has to wait: "one" is held by an agent that was asked and has not answered yet.</summary>
public sealed class BindQueueTests : IAsyncLifetime
{
    private readonly AgentRoom _room = new();
    private readonly AgentSession _holder;
    private readonly AgentSession _session;
    private RawPeer _held = null!;
    private RawPeer _peer = null!;
    private ulong _ping;

    public BindQueueTests()
    {
        _holder = _room.NewSession('a');
        _session = _room.NewSession('b');
    }

    public async Task InitializeAsync()
    {
        (await _room.ClaimAsync(_holder, AgentRoom.Request(1, "one"))).Should().BeNull();
        _held = await _room.AttachAsync(_holder);
        _peer = await _room.AttachAsync(_session);
        await BindAsync(2, "one");
        _ping = (await _held.ExpectAsync(FrameKind.Ping)).Number;
    }

    public Task DisposeAsync() => _room.DisposeAsync().AsTask();

    [Fact]
    public async Task Bind_OfANameWhoseHolderIsThere_IsRefusedOnceThatHasAnswered()
    {
        await ReaderGoesOnAsync();
        await _held.SendNumberAsync(FrameKind.Pong, _ping);
        string bound = (await _peer.ExpectAsync(FrameKind.Bound)).Text;
        bound.Should().Contain("\"id\":2").And.Contain(RejectCodes.NameConflict).And.Contain($"{AgentRoom.AddressOf('a')}");
        _session.Tunnels.Should().BeEmpty();
        _holder.Tunnels.Should().ContainSingle();
    }

    [Fact]
    public async Task Messages_ForTheNumberOfABindThatWaits_KeepTheirOrder()
    {
        await UnbindAsync(2);
        await BindAsync(2, "two");
        await ReaderGoesOnAsync();
        _room.Registry.IsServed("two.test").Should().BeFalse("it is not its turn");
        _holder.Close(CloseCode.Normal, "its work is done");
        (await _peer.ExpectAsync(FrameKind.Bound)).Text.Should().Contain("one.test");
        (await _peer.ExpectAsync(FrameKind.Bound)).Text.Should().Contain("two.test", "the number was free again");
        AgentRoom.TunnelsOf(_session).Should().Be("2:two.test");
        _room.Registry.IsServed("two.test").Should().BeTrue();
    }

    [Fact]
    public async Task Bind_BehindOneThatWaits_IsAnsweredAtOnceUnlessItIsForTheSameName()
    {
        await BindAsync(3, "ONE");
        await BindAsync(4, "two");
        (await _peer.ExpectAsync(FrameKind.Bound)).Text.Should().Contain("\"id\":4").And.Contain("two.test");
        await UnbindAsync(4);
        await BindAsync(5, "-");
        (await _peer.ExpectAsync(FrameKind.Bound)).Text.Should().Contain("\"id\":5").And.Contain(RejectCodes.NameRefused, "each has a code of its own");
        _room.Registry.IsServed("two.test").Should().BeFalse();
        _holder.Close(CloseCode.Normal, "its work is done");
        (await _peer.ExpectAsync(FrameKind.Bound)).Text.Should().Contain("\"id\":2").And.Contain("one.test");
        (await _peer.ExpectAsync(FrameKind.Bound)).Text.Should().Contain("\"id\":3").And.Contain("one.test", "an update of what was got");
        AgentRoom.TunnelsOf(_session).Should().Be("3:one.test");
    }

    [Fact]
    public async Task Session_ThatEndsWhileItsBindWaits_LeavesNothingBound()
    {
        await BindAsync(3, "one");
        await ReaderGoesOnAsync();
        _session.Close(CloseCode.Revoked, "its token is gone");
        (await _peer.ExpectCloseAsync()).Code.Should().Be((ushort)CloseCode.Revoked);
        await _session.Life.Within();
        _room.Time.Advance(TimeSpan.FromSeconds(5));
        _holder.Session.Ended.IsCompleted.Should().BeFalse("nobody wants its name any more");
        _room.Registry.Count.Should().Be(1);
        _holder.Close(CloseCode.Normal, "its work is done");
        await _held.ExpectCloseAsync();
        await _holder.Life.Within();
        _room.Registry.Count.Should().Be(0);
    }

    [Fact]
    public async Task Messages_BeyondTheBound_AreAFlood()
    {
        for (int i = 1; i < BindQueue.Most; i++)
        {
            await UnbindAsync(2);
        }

        await ReaderGoesOnAsync();
        await BindAsync(3, "two");
        (await _peer.ExpectCloseAsync()).Code.Should().Be((ushort)CloseCode.Flood);
        await _session.Life.Within();
        _room.Registry.Count.Should().Be(1);
        _holder.Session.Ended.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Binds_ComingOnAndOn_GetTheirTurnOneByOne()
    {
        _holder.Close(CloseCode.Normal, "its work is done");
        await _held.ExpectCloseAsync();
        await _peer.ExpectAsync(FrameKind.Bound);
        for (int i = 1; i < 2 * ProtocolLimits.Tunnels; i++)
        {
            await RebindAsync();
            await _peer.ExpectAsync(FrameKind.Bound);
        }

        await RebindAsync();
        await Eventually.TrueAsync(() => !_room.Registry.IsServed("next.test"), what: "the UNBIND has had its turn, for which it waits for nobody");
        await ReaderGoesOnAsync();
        _room.Registry.IsServed("next.test").Should().BeFalse("the BIND has to wait for its turn");
        Task<RawFrame> bound = _peer.ExpectAsync(FrameKind.Bound);
        await Eventually.TrueAsync(() =>
        {
            // Its wait may not have begun when the clock is first moved.
            _room.Time.Advance(TimeSpan.FromSeconds(1) / ProtocolLimits.BindsPerSecond);
            return bound.IsCompleted;
        });
        (await bound).Text.Should().Contain("next.test");
    }

    // Nobody waits but the queue: all that was sent has been read, and no BOUND came.
    private async Task ReaderGoesOnAsync()
    {
        await _peer.SendNumberAsync(FrameKind.Ping, 7);
        (await _peer.ExpectAsync(FrameKind.Pong)).Number.Should().Be(7);
    }

    private Task BindAsync(uint id, string name) =>
        _peer.SendAsync(0, FrameKind.Bind, $$"""{"id":{{id}},"type":"http","subdomain":"{{name}}"}""");

    private async Task RebindAsync()
    {
        await UnbindAsync(3);
        await BindAsync(3, "next");
    }

    private Task UnbindAsync(uint id) => _peer.SendAsync(0, FrameKind.Unbind, $$"""{"id":{{id}}}""");
}

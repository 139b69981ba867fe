using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Sessions;

/// <summary>What a session has seen of streams, so that a flood can be seen as well.</summary>
public sealed class StreamAccountTests
{
    [Fact]
    public async Task Account_OfTheOpener_TellsWhoBrokeAStreamOff()
    {
        await using var session = new RawSession(LinkRole.Server);
        using TunnelStream sound = await session.OpenAndFlushAsync();
        using TunnelStream left = await session.OpenAndFlushAsync();
        using TunnelStream refused = await session.OpenAndFlushAsync();
        left.Abort(ResetCode.Cancelled);
        await session.Peer.ExpectAsync(FrameKind.Reset);
        await session.Peer.SendResetAsync(left.Id, (ushort)ResetCode.Cancelled);
        await session.Peer.SendResetAsync(refused.Id, (ushort)ResetCode.OriginRefused);
        await session.SettleAsync();

        // The answers to resets are no resets of their own. Ours follows when the user lets go.
        refused.Dispose();
        await session.Peer.ExpectAsync(FrameKind.Reset);
        await session.SettleAsync();
        session.Session.Account.Should().Be(new StreamAccount(Opened: 3, ResetHere: 1, ResetByPeer: 1));
        sound.Dispose();
    }

    [Fact]
    public async Task Account_OfTheOtherSide_CountsWhatThePeerOpened()
    {
        await using var session = new RawSession(LinkRole.Agent);
        using TunnelStream first = await session.AcceptAsync(2);
        using TunnelStream second = await session.AcceptAsync(4);
        await session.Peer.SendResetAsync(2, (ushort)ResetCode.Cancelled);
        await session.SettleAsync();
        session.Session.Account.Should().Be(new StreamAccount(Opened: 2, ResetHere: 0, ResetByPeer: 1));
    }
}

using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Sessions;

public sealed class HeartbeatTests
{
    private static readonly TimeSpan Tick = TimeSpan.FromTicks(1);

    [Fact]
    public void Decide_Busy_AsksAfterTwoSecondsAndGivesUpThreeLater()
    {
        var heartbeat = new Heartbeat(HeartbeatTimes.Busy, HeartbeatTimes.Idle);
        heartbeat.Decide(S(2) - Tick, S(0), isBusy: true).Should().Be(HeartbeatAction.None);
        heartbeat.NextAt(S(0), isBusy: true).Should().Be(S(2));
        heartbeat.Decide(S(2), S(0), isBusy: true).Should().Be(HeartbeatAction.Ping);
        heartbeat.NextAt(S(0), isBusy: true).Should().Be(S(5));
        heartbeat.Decide(S(5) - Tick, S(0), isBusy: true).Should().Be(HeartbeatAction.None);
        heartbeat.Decide(S(5), S(0), isBusy: true).Should().Be(HeartbeatAction.Lost);
    }

    [Fact]
    public void Decide_Idle_AsksAfterTenSecondsAndGivesUpTenLater()
    {
        var heartbeat = new Heartbeat(HeartbeatTimes.Busy, HeartbeatTimes.Idle);
        heartbeat.Decide(S(9), S(0), isBusy: false).Should().Be(HeartbeatAction.None);
        heartbeat.Decide(S(10), S(0), isBusy: false).Should().Be(HeartbeatAction.Ping);
        heartbeat.Decide(S(19), S(0), isBusy: false).Should().Be(HeartbeatAction.None);
        heartbeat.Decide(S(20), S(0), isBusy: false).Should().Be(HeartbeatAction.Lost);
    }

    [Fact]
    public void Decide_AnsweredInTheSameTick_BeginsAnew()
    {
        var heartbeat = new Heartbeat(HeartbeatTimes.Busy, HeartbeatTimes.Idle);
        heartbeat.Decide(S(10), S(0), isBusy: false).Should().Be(HeartbeatAction.Ping);
        heartbeat.NextAt(S(10), isBusy: false).Should().Be(S(20));
        heartbeat.Decide(S(20), S(10), isBusy: false).Should().Be(HeartbeatAction.Ping);
    }

    [Fact]
    public void Decide_BusyInTheMiddleOfASilence_AsksBeforeItJudges()
    {
        var heartbeat = new Heartbeat(HeartbeatTimes.Busy, HeartbeatTimes.Idle);
        heartbeat.Decide(S(8), S(0), isBusy: true).Should().Be(HeartbeatAction.Ping);
        heartbeat.Decide(S(11), S(0), isBusy: true).Should().Be(HeartbeatAction.Lost);
    }

    [Fact]
    public void Decide_BusyWhileAnIdlePingIsOut_AsksAgain()
    {
        var heartbeat = new Heartbeat(HeartbeatTimes.Busy, HeartbeatTimes.Idle);
        heartbeat.Decide(S(10), S(0), isBusy: false).Should().Be(HeartbeatAction.Ping);
        heartbeat.Decide(S(15), S(0), isBusy: true).Should().Be(HeartbeatAction.Ping);
        heartbeat.Decide(S(17), S(0), isBusy: true).Should().Be(HeartbeatAction.None);
        heartbeat.Decide(S(18), S(0), isBusy: true).Should().Be(HeartbeatAction.Lost);
    }

    [Fact]
    public async Task Session_BusyOnABlackHole_IsLostAfterFiveSeconds()
    {
        await using var session = new RawSession(LinkRole.Server);
        await session.Peer.ExpectAsync(FrameKind.Ping);
        TunnelStream stream = await session.OpenAndFlushAsync();
        session.Time.Advance(S(2) - Tick);
        await session.Peer.Link.Input.AssertNothingAsync();
        session.Time.Advance(TimeSpan.FromMilliseconds(1));
        await session.Peer.ExpectAsync(FrameKind.Ping);
        session.Time.Advance(S(3) - TimeSpan.FromMilliseconds(2));
        session.Run.IsCompleted.Should().BeFalse();
        session.Time.Advance(TimeSpan.FromMilliseconds(3));
        SessionEnd end = await session.Run.Within();
        end.Kind.Should().Be(SessionEndKind.LinkLost);
        end.Message.Should().Be("Nothing was heard from the peer.");
        stream.ResetCode.Should().Be(ResetCode.SessionLost);
        stream.Dispose();
    }

    [Fact]
    public async Task IsAlive_PeerAnswers_IsTrue()
    {
        await using var session = new RawSession(LinkRole.Server);
        await session.Peer.ExpectAsync(FrameKind.Ping);
        Task<bool> alive = session.Session.IsAliveAsync(S(1));
        RawFrame ping = await session.Peer.ExpectAsync(FrameKind.Ping);
        await session.Peer.SendNumberAsync(FrameKind.Pong, ping.Number);
        (await alive.Within()).Should().BeTrue();
    }

    [Fact]
    public async Task IsAlive_PeerIsSilent_IsFalseInTime()
    {
        await using var session = new RawSession(LinkRole.Server);
        await session.Peer.ExpectAsync(FrameKind.Ping);
        Task<bool> alive = session.Session.IsAliveAsync(S(1));
        await session.Peer.ExpectAsync(FrameKind.Ping);
        alive.IsCompleted.Should().BeFalse();
        session.Time.Advance(S(1));
        (await alive.Within()).Should().BeFalse();
    }

    [Fact]
    public async Task IsAlive_LinkLostWhileItAsks_IsFalseWithoutWaiting()
    {
        await using var session = new RawSession(LinkRole.Server, new SessionOptions { ResumeWindow = S(60) });
        await session.Peer.ExpectAsync(FrameKind.Ping);
        Task<bool> alive = session.Session.IsAliveAsync(S(1));
        session.Link.Cut();
        (await alive.Within()).Should().BeFalse("no clock of this test has moved");
    }

    [Fact]
    public async Task Session_IdleOnABlackHole_IsLostAfterTwentySeconds()
    {
        await using var session = new RawSession(LinkRole.Agent);
        await session.Peer.ExpectAsync(FrameKind.Ping);
        session.Time.Advance(S(10) - Tick);
        await session.Peer.Link.Input.AssertNothingAsync();
        session.Time.Advance(TimeSpan.FromMilliseconds(1));
        await session.Peer.ExpectAsync(FrameKind.Ping);
        session.Time.Advance(S(9));
        session.Session.Ended.IsCompleted.Should().BeFalse();
        session.Time.Advance(S(1));
        (await session.Run.Within()).Kind.Should().Be(SessionEndKind.LinkLost);
    }

    [Fact]
    public async Task Session_QuietButAnswering_LivesOn()
    {
        await using var session = new RawSession(LinkRole.Server);
        RawFrame ping = await session.Peer.ExpectAsync(FrameKind.Ping);
        await session.Peer.SendNumberAsync(FrameKind.Pong, ping.Number);
        TunnelStream stream = await session.OpenAndFlushAsync();
        await session.Peer.SendNumberAsync(FrameKind.Ack, session.Peer.Sequenced);
        for (int i = 0; i < 50; i++)
        {
            await session.SettleAsync();
            session.Time.Advance(S(2));
            ping = await session.Peer.ExpectAsync(FrameKind.Ping);
            session.Time.Advance(S(2.9));
            await session.Peer.SendNumberAsync(FrameKind.Pong, ping.Number);
            await session.SettleAsync();
        }

        session.Session.Ended.IsCompleted.Should().BeFalse();
        stream.Dispose();
    }

    [Fact]
    public async Task Session_IdleForLong_LivesOn()
    {
        await using var session = new RawSession(LinkRole.Agent);
        await session.Peer.ExpectAsync(FrameKind.Ping);
        for (int i = 0; i < 20; i++)
        {
            session.Time.Advance(S(10));
            RawFrame ping = await session.Peer.ExpectAsync(FrameKind.Ping);
            await session.Peer.SendNumberAsync(FrameKind.Pong, ping.Number);
            await session.SettleAsync();
        }

        session.Session.Ended.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Session_BusyInTheMiddleOfASilence_AsksAtOnceAndHasThreeSeconds()
    {
        await using var session = new RawSession(LinkRole.Server);
        await session.Peer.ExpectAsync(FrameKind.Ping);
        session.Time.Advance(S(9));
        TunnelStream stream = await session.OpenAndFlushAsync();
        session.Time.Advance(TimeSpan.FromMilliseconds(1));
        await session.Peer.ExpectAsync(FrameKind.Ping);
        session.Time.Advance(S(2.9));
        session.Session.Ended.IsCompleted.Should().BeFalse();
        session.Time.Advance(S(0.2));
        (await session.Run.Within()).Kind.Should().Be(SessionEndKind.LinkLost);
        stream.Dispose();
    }

    [Fact]
    public async Task Session_StreamOpenedBeforeItRuns_StillHasItsHeartbeat()
    {
        var link = new MemoryLink();
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var session = new Session(LinkRole.Server, new SessionOptions { Time = time }, new RecordingUser());
        using TunnelStream stream = session.TryOpen(new OpenHeader(StreamType.Http, VisitorScheme.Http, 1, default, 0))!;
        session.Leave("shutdown", reconnect: false, TimeSpan.Zero, TimeSpan.FromSeconds(60));
        Task<SessionEnd> run = session.RunAsync(link.A);
        for (int i = 0; i < 25; i++)
        {
            time.Advance(S(1));
        }

        (await run.Within()).Kind.Should().Be(SessionEndKind.LinkLost);
    }

    private static TimeSpan S(double seconds) => TimeSpan.FromSeconds(seconds);
}

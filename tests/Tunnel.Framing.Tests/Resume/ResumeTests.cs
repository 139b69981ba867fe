using System.Buffers;
using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Framing.Tests.Sessions;

namespace Tunnel.Framing.Tests.Resume;

public sealed class ResumeTests
{
    [Fact]
    public async Task Link_CutAtEveryByte_NothingIsLostOrDoubled()
    {
        // A request of three frames and an answer of as many; the first link ends after each number of bytes in turn.
        for (int bytes = 0; bytes < 200; bytes++)
        {
            await using var pair = new ResumablePair();
            var link = new ShortLink(bytes, bytes);
            await pair.ConnectAsync(link.A, link.B);
            Task<string> served = ServeAsync(pair.AgentUser);
            Task<string> answer = TalkAsync(await pair.OpenAsync(), "request ");
            await Task.WhenAny(link.WhenCut, answer).Within();
            link.Cut();
            await pair.ConnectAsync();
            (await served.Within()).Should().Be("request 1request 2request 3", "cut after {0} bytes", bytes);
            (await answer.Within()).Should().Be("answer 1answer 2answer 3", "cut after {0} bytes", bytes);
        }
    }

    [Fact]
    public async Task Detached_NothingIsOpenedAndUsersWait_UntilTheNextLink()
    {
        await using var pair = new ResumablePair();
        MemoryLink link = await pair.ConnectAsync();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        link.Cut();
        await pair.WhenDetachedAsync();
        pair.Open().Should().BeNull();

        // Both go on writing; bounded, and without an error.
        ValueTask<System.IO.Pipelines.FlushResult> flush = default;
        int written = 0;
        while (flush.IsCompleted)
        {
            agent.Output.Write(new byte[16 * 1024]);
            flush = agent.Output.FlushAsync();
            written += 16 * 1024;
            written.Should().BeLessThan(200 * 1024);
        }

        await pair.ConnectAsync();
        await server.Input.TakeAsync(written);
        (await flush.AsTask().Within()).IsCompleted.Should().BeFalse();
        server.Dispose();
        agent.Dispose();
    }

    [Fact]
    public async Task Detached_WindowOver_StreamsAreLostAndUntriedOnesNotProcessed()
    {
        await using var pair = new ResumablePair();
        MemoryLink link = await pair.ConnectAsync();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        TunnelStream untried = pair.Open()!;
        link.Cut();
        await pair.WhenDetachedAsync();
        pair.Time.Advance(TimeSpan.FromSeconds(59));
        (pair.ServerRun.IsCompleted, pair.AgentRun.IsCompleted).Should().Be((false, false));
        pair.Time.Advance(TimeSpan.FromSeconds(1));
        SessionEnd[] ends = [await pair.ServerRun.Within(), await pair.AgentRun.Within()];
        ends.Should().OnlyContain(end => end.Kind == SessionEndKind.LinkLost && end.Message.Contains("60 s"));
        (server.ResetCode, agent.ResetCode, untried.ResetCode)
            .Should().Be((ResetCode.SessionLost, ResetCode.SessionLost, ResetCode.NotProcessed));
        foreach (TunnelStream stream in new[] { server, agent, untried })
        {
            stream.Dispose();
        }

        // A link that comes too late carries nothing.
        var late = new MemoryLink();
        (await pair.Server.AttachAsync(late.A, 0).Within()).Should().BeFalse();
    }

    [Fact]
    public async Task Link_NewOneBeforeTheOldIsGivenUp_Overtakes()
    {
        await using var pair = new ResumablePair();
        MemoryLink first = await pair.ConnectAsync();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        for (int i = 0; i < 5; i++)
        {
            await server.Output.SendAsync($"number {i};");
            await pair.ConnectAsync();
        }

        first.Cut();
        (await agent.Input.TakeTextAsync(45)).Should().Be("number 0;number 1;number 2;number 3;number 4;");
        server.Dispose();
        agent.Dispose();
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(1_000_000)]
    public async Task Link_PeerStandsWhereItCannot_EndsTheSession(long offset)
    {
        await using var pair = new ResumablePair();
        await pair.ConnectAsync();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        await Until.TrueAsync(() =>
        {
            pair.Time.Advance(TimeSpan.FromMilliseconds(100));
            return pair.Server.Counts.Acknowledged == pair.Server.Counts.Sent;
        });
        ulong count = (ulong)((long)await pair.Agent.DetachAsync().Within() + offset);
        await pair.Server.DetachAsync().Within();
        pair.Server.CanResumeAt(count).Should().BeFalse();
        (await pair.ServerRun.Within()).Code.Should().Be(CloseCode.BadAck);
        server.ResetCode.Should().Be(ResetCode.SessionLost);
        server.Dispose();
        agent.Dispose();
    }

    [Fact]
    public async Task Session_EndedWhileDetached_TellsTheNextLink()
    {
        await using var pair = new ResumablePair();
        MemoryLink link = await pair.ConnectAsync();
        link.Cut();
        await pair.WhenDetachedAsync();
        pair.Server.Close(CloseCode.Replaced, "somebody took over");
        await pair.ServerRun.Within();
        await pair.ConnectAsync();
        SessionEnd end = await pair.AgentRun.Within();
        end.Should().Be(new SessionEnd(SessionEndKind.ClosedByPeer, CloseCode.Replaced, "somebody took over"));
    }

    [Fact]
    public async Task Leaving_LinkCutBehindTheLastBytes_ClosesWhenThePeerHasThem()
    {
        await using var pair = new ResumablePair();
        MemoryLink link = await pair.ConnectAsync();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        await server.Output.CompleteAsync();
        await agent.Input.TakeAllAsync();
        pair.Agent.Leave("shutdown", reconnect: false, delay: TimeSpan.Zero, grace: TimeSpan.FromSeconds(30));
        await pair.ServerUser.GoAway.Within();
        link.Cut();
        await agent.Output.SendAsync("the last words");
        await agent.Output.CompleteAsync();
        agent.Dispose();
        await pair.WhenDetachedAsync();
        await pair.ConnectAsync();
        (await server.Input.TakeAllAsync()).Should().Equal("the last words"u8.ToArray());
        server.Dispose();
        await Until.TrueAsync(() =>
        {
            pair.Time.Advance(TimeSpan.FromMilliseconds(100));
            return pair.AgentRun.IsCompleted && pair.ServerRun.IsCompleted;
        });
        (await pair.AgentRun).Should().BeEquivalentTo(new { Kind = SessionEndKind.ClosedHere, Code = CloseCode.Normal });
        (await pair.ServerRun).Should().BeEquivalentTo(new { Kind = SessionEndKind.ClosedByPeer, Code = CloseCode.Normal });
    }

    [Fact]
    public async Task Peer_AcknowledgesNothing_StreamsWaitAtTheBound()
    {
        await using var session = new RawSession(LinkRole.Agent, new SessionOptions { ResumeWindow = TimeSpan.FromSeconds(60) });
        TunnelStream stream = await session.AcceptAsync(window: 64 * 1024 * 1024);
        Task sending = SendAsync(stream, 10 * 1024 * 1024);
        while (!session.Session.Streams.Replay.IsFull || session.Session.Counts.Sent > session.Peer.Sequenced)
        {
            await session.Peer.ExpectAsync(FrameKind.Data);
        }

        await session.SettleAsync();
        sending.IsCompleted.Should().BeFalse();
        ((long)session.Session.Counts.Sent).Should().BeInRange(
            ProtocolLimits.ReplayBytes * 99L / 100, ProtocolLimits.ReplayBytes + ProtocolLimits.SentPayload + FrameHeader.Size);
        session.Pool.RentedBytes.Should().BeLessThan(ProtocolLimits.ReplayBytes * 5 / 4);

        // One ACK, and it goes on to the end.
        await session.Peer.SendNumberAsync(FrameKind.Ack, session.Peer.Sequenced);
        while (!sending.IsCompleted || session.Session.Counts.Sent > session.Peer.Sequenced)
        {
            await session.Peer.ExpectAsync(FrameKind.Data);
        }

        stream.Dispose();
    }

    private static async Task SendAsync(TunnelStream stream, int bytes)
    {
        byte[] block = new byte[16 * 1024];
        for (int sent = 0; sent < bytes; sent += block.Length)
        {
            await stream.Output.WriteAsync(block);
        }
    }

    private static async Task<string> TalkAsync(TunnelStream stream, string text)
    {
        for (int i = 1; i <= 3; i++)
        {
            await stream.Output.SendAsync($"{text}{i}");
        }

        await stream.Output.CompleteAsync();
        string answer = Encoding.UTF8.GetString(await stream.Input.TakeAllAsync());
        stream.Dispose();
        return answer;
    }

    private static async Task<string> ServeAsync(RecordingUser user)
    {
        TunnelStream stream = await user.NextStreamAsync();
        string request = Encoding.UTF8.GetString(await stream.Input.TakeAllAsync());
        for (int i = 1; i <= 3; i++)
        {
            await stream.Output.SendAsync($"answer {i}");
        }

        await stream.Output.CompleteAsync();
        stream.Dispose();
        return request;
    }
}

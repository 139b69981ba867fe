using Microsoft.Extensions.Time.Testing;
using Tunnel.TestSupport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.Sockets;

/// <summary>When a peer is gone. That the system reports it so is seen by the drill <c>vanished</c>, over a network.</summary>
public sealed class PeerSilenceTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private PeerSilence _silence = new(Limit);

    [Fact]
    public void Peer_AskedAgainAndAgainWithoutAnAnswer_IsGoneAfterTheLimit()
    {
        IsGone(1000, 3, sinceAck: 2).Should().BeFalse("it was not asked for long");
        IsGone(1030, 6, sinceAck: 32).Should().BeFalse();
        IsGone(1059, 7, sinceAck: 61).Should().BeFalse();
        IsGone(1060, 7, sinceAck: 62).Should().BeTrue();
    }

    [Fact]
    public void Peer_IdleForAnHourAndThenAsked_HasTheWholeLimit()
    {
        IsGone(3600, 0, sinceAck: 3600).Should().BeFalse();
        IsGone(3610, 4, sinceAck: 3610).Should().BeFalse("the silence before nobody had asked");
        IsGone(3669, 8, sinceAck: 3669).Should().BeFalse();
        IsGone(3670, 8, sinceAck: 3670).Should().BeTrue();
    }

    [Fact]
    public void Peer_ThatAnswersNowAndThen_IsNotGone()
    {
        // A closed window: probe, answer, probe; or a network that loses nearly everything.
        for (int now = 0; now < 1000; now += 10)
        {
            IsGone(now, 3 + (now % 4), sinceAck: now % 50).Should().BeFalse();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Peer_AskedOnceOrTwice_IsNotGone(int unanswered)
    {
        for (int now = 0; now < 1000; now += 10)
        {
            IsGone(now, unanswered, sinceAck: now).Should().BeFalse();
        }
    }

    [Fact]
    public async Task Connection_WithALivePeerThatReadsNothing_LivesOn_AndLeavesNoDeadline()
    {
        var time = new FakeTimeProvider();
        await using var clock = new DeadlineClock(time);
        var pair = await TcpLinkPair.CreateAsync(options: SocketConnectionOptions.Origin);
        pair.A.EndWhenPeerIsGone(clock);
        clock.Count.Should().Be(0, "nothing is under way");
        Task sending = pair.A.Output.WriteAsync(new byte[32 * 1024 * 1024]).AsTask();
        clock.Count.Should().Be(OperatingSystem.IsLinux() ? 1 : 0);
        for (int i = 0; i < 1000; i++)
        {
            time.Advance(TimeSpan.FromSeconds(10));
        }

        sending.IsCompleted.Should().BeFalse("its window is closed, and it is there");
        long left = 32 * 1024 * 1024;
        while (left > 0)
        {
            var read = await pair.B.Input.ReadAsync().AsTask().Within();
            left -= read.Buffer.Length;
            pair.B.Input.AdvanceTo(read.Buffer.End);
        }

        await sending.Within();
        await NobodyIsWatchedAsync(time, clock).Within();
        await pair.A.Output.WriteAsync(new byte[1]).AsTask().Within();
        clock.Count.Should().Be(OperatingSystem.IsLinux() ? 1 : 0, "something is under way again");
        await pair.DisposeAsync();
        clock.Count.Should().Be(0);
    }

    // The last acknowledgement may take its time.
    private static Task NobodyIsWatchedAsync(FakeTimeProvider time, DeadlineClock clock) => Task.Run(() =>
    {
        while (clock.Count > 0)
        {
            time.Advance(TimeSpan.FromSeconds(10));
        }
    });

    private bool IsGone(double now, int unanswered, double sinceAck) =>
        _silence.IsGone(TimeSpan.FromSeconds(now), unanswered, TimeSpan.FromSeconds(sinceAck));
}

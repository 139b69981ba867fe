using Microsoft.Extensions.Time.Testing;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Sessions;

/// <summary>A session whose peer is a <see cref="RawPeer"/>, on a clock that the test moves.</summary>
internal sealed class RawSession : IAsyncDisposable
{
    public RawSession(LinkRole role, SessionOptions? options = null, int pauseAt = 1024 * 1024, Action<TunnelStream>? serve = null)
    {
        Link = new MemoryLink(new MemoryLinkOptions { PauseAt = pauseAt });
        User = new RecordingUser { Serve = serve };
        Session = new Session(role, (options ?? new SessionOptions()) with { Pool = Pool, Time = Time }, User);
        Peer = new RawPeer(Link.B);
        Run = Session.RunAsync(Link.A);
    }

    public FakeTimeProvider Time { get; } = new();

    public LeakCheckingPool Pool { get; } = new();

    public MemoryLink Link { get; }

    public RecordingUser User { get; }

    public Session Session { get; }

    public RawPeer Peer { get; }

    public Task<SessionEnd> Run { get; }

    public TunnelStream Open() => Session.TryOpen(new OpenHeader(StreamType.Http, VisitorScheme.Http, 1, default, 0))!;

    /// <summary>A stream that the session opened, its OPEN read by the peer.</summary>
    public async Task<TunnelStream> OpenAndFlushAsync()
    {
        TunnelStream stream = Open();
        await stream.Output.FlushAsync().Within();
        await Peer.ExpectAsync(FrameKind.Open);
        return stream;
    }

    /// <summary>A stream that the peer opened.</summary>
    public async Task<TunnelStream> AcceptAsync(uint id = 2, string firstBytes = "", bool fin = false, uint window = ProtocolLimits.FirstAnswerWindow)
    {
        await Peer.SendOpenAsync(id, System.Text.Encoding.UTF8.GetBytes(firstBytes), fin, window);
        return await User.NextStreamAsync();
    }

    /// <summary>The session ends by CLOSE with this code, and the peer hears it.</summary>
    public async Task AssertClosesAsync(CloseCode code)
    {
        RawFrame close = await Peer.ExpectCloseAsync();
        close.Code.Should().Be((ushort)code, "that is what \"{0}\" deserves", close.Sentence);
        SessionEnd end = await Run.Within();
        (end.Kind, end.Code).Should().Be((SessionEndKind.ClosedHere, code));
    }

    /// <summary>A round trip: whatever was sent before it has been handled when it returns.</summary>
    public async Task SettleAsync()
    {
        await Peer.SendNumberAsync(FrameKind.Ping, 4711);
        while ((await Peer.ExpectAsync(FrameKind.Pong)).Number != 4711)
        {
        }
    }

    /// <summary>Nothing but time is needed for the session to end.</summary>
    public Task AdvanceUntilEndAsync() => Until.TrueAsync(() =>
    {
        Time.Advance(TimeSpan.FromSeconds(1));
        return Run.IsCompleted;
    });

    /// <summary>No stream, no window and no memory is left, however the session ended.</summary>
    public async ValueTask DisposeAsync()
    {
        Link.Cut();
        if (Session.Options.ResumeWindow > TimeSpan.Zero)
        {
            await AdvanceUntilEndAsync();
        }

        await Run.Within();
        Session.OpenStreams.Should().Be(0);
        Session.Streams.Memory.Used.Should().Be(0);
        Pool.AssertAllReturned();
    }
}

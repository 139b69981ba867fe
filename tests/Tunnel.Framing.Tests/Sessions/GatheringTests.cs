using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Sessions;

/// <summary>Who sends what a user flushes: the user while there are few streams, the writer's scheduler with many.</summary>
public sealed class GatheringTests : IAsyncLifetime
{
    private const int Few = 4;

    private readonly StepByStep _writer = new();
    private readonly List<TunnelStream> _streams = [];
    private RawSession? _session;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        _writer.LetGo();
        _streams.ForEach(stream => stream.Dispose());
        if (_session is not null)
        {
            await _session.DisposeAsync();
        }
    }

    [Fact]
    public async Task Flush_FewStreams_IsSentBeforeItReturns()
    {
        RawSession session = await StartAsync(runsInline: true);
        for (int i = 0; i < Few; i++)
        {
            await Open(session).Output.FlushAsync();
            await session.Peer.ExpectAsync(FrameKind.Open);
        }
    }

    [Fact]
    public async Task Flush_ManyStreams_GathersUntilTheWriterHasItsTurn()
    {
        RawSession session = await StartAsync(runsInline: true);
        TunnelStream[] streams = [.. Enumerable.Range(0, Few + 2).Select(_ => Open(session))];
        foreach (TunnelStream stream in streams)
        {
            await stream.Output.FlushAsync();
        }

        await session.Peer.Link.Input.AssertNothingAsync();
        _writer.RunAll().Should().Be(1, "one step sends all of it");
        foreach (TunnelStream _ in streams)
        {
            await session.Peer.ExpectAsync(FrameKind.Open);
        }
    }

    [Fact]
    public async Task Flush_UsersThatMayBlock_NeverSendThemselves()
    {
        RawSession session = await StartAsync(runsInline: false);
        await Open(session).Output.FlushAsync();
        await session.Peer.Link.Input.AssertNothingAsync();
        _writer.RunAll();
        await session.Peer.ExpectAsync(FrameKind.Open);
    }

    [Fact]
    public async Task Flush_UserWithAContextOfItsOwn_TakesTheWriterNotAlong()
    {
        RawSession session = await StartAsync(runsInline: true);
        TunnelStream[] streams = [Open(session), Open(session)];
        SynchronizationContext? before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(new Nowhere());
        bool isAtOnce = Array.TrueForAll(streams, stream => stream.Output.FlushAsync().AsTask().IsCompleted);
        SynchronizationContext.SetSynchronizationContext(before);
        isAtOnce.Should().BeTrue();
        await session.Peer.ExpectAsync(FrameKind.Open);
        await session.Peer.ExpectAsync(FrameKind.Open);
    }

    [Fact]
    public async Task Abort_WhileTheWriterGathers_GoesAheadOfTheOpenThatTakesItsSlot()
    {
        const int HalfAWindow = 128 * 1024;
        RawSession session = await StartAsync(runsInline: false);
        TunnelStream[] streams = [Open(session), Open(session)];
        Array.ForEach(streams, stream => stream.Output.FlushAsync().AsTask().IsCompleted.Should().BeTrue());
        _writer.RunAll();
        await session.Peer.ExpectAsync(FrameKind.Open);
        await session.Peer.ExpectAsync(FrameKind.Open);
        await session.Peer.SendAsync(streams[0].Id, FrameKind.Data, new byte[HalfAWindow / 2]);
        await session.Peer.SendAsync(streams[0].Id, FrameKind.Data, new byte[HalfAWindow / 2]);
        await session.Peer.SendAsync(streams[1].Id, FrameKind.Data, "", fin: true);
        SequencePosition read = (await streams[0].Input.ReadAtLeastAsync(HalfAWindow)).Buffer.End;
        (await streams[1].Input.ReadAsync()).IsCompleted.Should().BeTrue();

        await MeetAsync();
        FrameKind[] came = [await NextAsync(), await NextAsync(), await NextAsync()];
        came.Should().Equal(FrameKind.Credit, FrameKind.Reset, FrameKind.Open);

        // The writer has taken what is urgent when more of that comes, and a stream that counts on it.
        Task MeetAsync()
        {
            lock (streams[0].Live.Gate)
            {
                streams[0].Input.AdvanceTo(read);
                Task writing = Task.Run(_writer.RunAll);
                SpinWait.SpinUntil(() => !streams[0].Live.IsUrgent, TimeLimit.Default).Should().BeTrue();
                streams[1].Abort(ResetCode.Cancelled);
                Open(session).Output.FlushAsync().AsTask().IsCompleted.Should().BeTrue();
                return writing;
            }
        }

        async Task<FrameKind> NextAsync() => (await session.Peer.ExpectAsync(FrameKind.Credit, FrameKind.Reset, FrameKind.Open)).Kind;
    }

    private TunnelStream Open(RawSession session)
    {
        _streams.Add(session.Open());
        return _streams[^1];
    }

    // The loop starts on the pool. Once a step of it was ours to run, it waits, and only we let it go on.
    private async Task<RawSession> StartAsync(bool runsInline)
    {
        var session = new RawSession(LinkRole.Server, new SessionOptions { StreamsRunInline = runsInline, WriterScheduler = _writer });
        _session = session;

        // The session measures with pings of its own, numbered from one.
        int pings = 1000;
        await Until.TrueAsync(() =>
        {
            session.Session.RequestPing((ulong)++pings);
            return _writer.RunAll() > 0;
        });
        while ((await session.Peer.ExpectAsync(FrameKind.Ping)).Number != (ulong)pings)
        {
        }

        return session;
    }

    // Runs nothing of what it is given.
    private sealed class Nowhere : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state)
        {
        }
    }
}

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

using System.IO.Pipelines;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Sessions;

/// <summary>The end of a link whose peer does not take even that: over TLS it has to be said.</summary>
public sealed class LinkEndTests
{
    [Fact]
    public async Task Close_OnALinkThatCannotSayItsEnd_IsOverAfterTheTimeForIt()
    {
        var time = new FakeTimeProvider();
        var link = new MemoryLink();
        var output = new StuckAtTheEnd(link.A.Output);
        var session = new Session(LinkRole.Server, new SessionOptions { Time = time }, new RecordingUser());
        Task<SessionEnd> run = session.RunAsync(new LinkEnd(link.A.Input, output));
        session.Close(CloseCode.Normal, "the test is over");
        await output.IsEnding.Within();
        run.IsCompleted.Should().BeFalse();
        time.Advance(session.Options.CloseTime);
        (await run.Within()).Code.Should().Be(CloseCode.Normal);
        output.GaveUp.Should().BeTrue();
    }

    [Fact]
    public async Task Refusal_OnALinkThatCannotSayItsEnd_IsOverAfterTheTimeForIt()
    {
        var time = new FakeTimeProvider();
        var session = new Session(LinkRole.Server, new SessionOptions { Time = time }, new RecordingUser());
        Task<SessionEnd> run = session.RunAsync();
        session.Close(CloseCode.Revoked, "over before there was a link");
        await run.Within();
        var link = new MemoryLink();
        var output = new StuckAtTheEnd(link.A.Output);
        Task<bool> attaching = session.AttachAsync(new LinkEnd(link.A.Input, output), peerCount: 0);
        await output.IsEnding.Within();
        attaching.IsCompleted.Should().BeFalse();
        time.Advance(session.Options.CloseTime);
        (await attaching.Within()).Should().BeFalse();
        output.GaveUp.Should().BeTrue();
    }

    private sealed class StuckAtTheEnd(PipeWriter inner) : PipeWriter
    {
        private readonly TaskCompletionSource _isEnding = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task IsEnding => _isEnding.Task;

        public bool GaveUp { get; private set; }

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override void Advance(int bytes) => inner.Advance(bytes);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null)
        {
            if (exception is not null)
            {
                GaveUp = true;
                inner.Complete(exception);
                _ended.TrySetResult();
            }
        }

        public override ValueTask CompleteAsync(Exception? exception = null)
        {
            Complete(exception);
            _isEnding.TrySetResult();
            return new ValueTask(_ended.Task);
        }
    }
}

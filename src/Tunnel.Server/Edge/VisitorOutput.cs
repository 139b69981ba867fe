using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Tunnel.Transport;

namespace Tunnel.Server.Edge;

/// <summary>
/// What goes to the visitor. A flush that has to wait gives the visitor the time its bytes may take at the slowest pace
/// (DESIGN section 9); after that the connection is cut. Not in raw mode.
/// </summary>
internal sealed class VisitorOutput : PipeWriter, IDeadlineTarget
{
    private readonly PipeWriter _link;
    private readonly Action _cut;
    private readonly Deadline _deadline;
    private readonly DeadlineClock _clock;

    public VisitorOutput(PipeWriter link, DeadlineClock clock, Action cut)
    {
        _link = link;
        _cut = cut;
        _clock = clock;
        _deadline = clock.Add(this);
    }

    /// <summary>The bytes are not HTTP any more, and may wait for ever.</summary>
    public bool IsRaw { get; set; }

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _link.UnflushedBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0) => _link.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => _link.GetSpan(sizeHint);

    public override void Advance(int bytes) => _link.Advance(bytes);

    public override void CancelPendingFlush() => _link.CancelPendingFlush();

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        long bytes = _link.UnflushedBytes;
        ValueTask<FlushResult> flush = _link.FlushAsync(cancellationToken);
        return flush.IsCompleted || IsRaw ? flush : AwaitAsync(flush, bytes);
    }

    public override void Complete(Exception? exception = null) => _link.Complete(exception);

    public override ValueTask CompleteAsync(Exception? exception = null) => _link.CompleteAsync(exception);

    /// <summary>The clock no longer watches.</summary>
    public void Close() => _clock.Remove(_deadline);

    void IDeadlineTarget.OnDeadline() => _cut();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> AwaitAsync(ValueTask<FlushResult> flush, long bytes)
    {
        _deadline.Set(Pace.WriteTime(bytes));
        try
        {
            return await flush;
        }
        finally
        {
            _deadline.Clear();
        }
    }
}

using System.IO.Pipelines;

namespace Tunnel.TestSupport;

/// <summary>One writing half of a <see cref="MemoryLink"/>.</summary>
internal sealed class CuttableWriter(PipeWriter inner, LinkCut cut) : PipeWriter
{
    private volatile bool _cancelRequested;

    public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

    public override long UnflushedBytes => inner.UnflushedBytes;

    public override void Advance(int bytes) => inner.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        cut.ThrowIfTorn();
        if (cut.IsCut)
        {
            return new FlushResult(isCanceled: false, isCompleted: true);
        }

        var result = await inner.FlushAsync(cancellationToken);
        cut.ThrowIfTorn();
        var cancelled = _cancelRequested && result.IsCanceled;
        if (cancelled)
        {
            _cancelRequested = false;
        }

        return new FlushResult(cancelled, result.IsCompleted || cut.IsCut);
    }

    public override void CancelPendingFlush()
    {
        _cancelRequested = true;
        inner.CancelPendingFlush();
    }

    /// <summary>As on a socket: an exception resets the link, nothing is an orderly end of this direction.</summary>
    public override void Complete(Exception? exception = null)
    {
        inner.Complete(exception is null ? null : new IOException("The peer reset the link.", exception));
    }

    /// <summary>Wakes a writer that waits, to look at the cut.</summary>
    internal void Wake() => inner.CancelPendingFlush();
}

using System.IO.Pipelines;

namespace Tunnel.TestSupport;

/// <summary>One reading half of a <see cref="MemoryLink"/>.</summary>
internal sealed class CuttableReader(PipeReader inner, LinkCut cut) : PipeReader
{
    private volatile bool _cancelRequested;

    public override bool TryRead(out ReadResult result)
    {
        cut.ThrowIfTorn();
        if (inner.TryRead(out result))
        {
            result = Seen(result);
            return true;
        }

        // The end of a cut link, with nothing left before it.
        if (cut.IsCut)
        {
            result = new ReadResult(default, isCanceled: false, isCompleted: true);
            return true;
        }

        return false;
    }

    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        cut.ThrowIfTorn();
        if (cut.IsCut)
        {
            inner.CancelPendingRead();
        }

        var result = await inner.ReadAsync(cancellationToken);
        cut.ThrowIfTorn();
        return Seen(result);
    }

    public override void AdvanceTo(SequencePosition consumed)
    {
        if (consumed.GetObject() is not null)
        {
            inner.AdvanceTo(consumed);
        }
    }

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (consumed.GetObject() is not null)
        {
            inner.AdvanceTo(consumed, examined);
        }
    }

    public override void CancelPendingRead()
    {
        _cancelRequested = true;
        inner.CancelPendingRead();
    }

    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    /// <summary>Wakes a reader that waits, to look at the cut.</summary>
    internal void Wake() => inner.CancelPendingRead();

    private ReadResult Seen(ReadResult result)
    {
        var cancelled = _cancelRequested && result.IsCanceled;
        if (cancelled)
        {
            _cancelRequested = false;
        }

        return new ReadResult(result.Buffer, cancelled, result.IsCompleted || cut.IsCut);
    }
}

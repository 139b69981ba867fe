using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Server.Edge;

/// <summary>
/// What the visitor sends. While an answer is under way nobody needs to read, but somebody must notice when the visitor
/// leaves: the read for the next request is begun early and kept for whoever reads next.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Reliability", "CA2012", Justification = "The early read is kept, and consumed exactly once.")]
internal sealed class VisitorInput(PipeReader link, Action onHalfClosed) : PipeReader
{
    private ValueTask<ReadResult> _ahead;
    private bool _hasAhead;

    /// <summary>Begins the next read now; if the visitor's connection breaks meanwhile, the stream is aborted.</summary>
    public void WatchFor(TunnelStream stream)
    {
        if (!_hasAhead)
        {
            _hasAhead = true;
            _ahead = ReadAheadAsync(stream);
        }
    }

    /// <summary>Nobody will read any more: waits until the early read has let go of the link.</summary>
    public async ValueTask CloseAsync()
    {
        if (_hasAhead)
        {
            link.CancelPendingRead();
            try
            {
                await ReadAsync();
            }
            catch (IOException)
            {
                // It broke; that is one way to end.
            }
        }

        await link.CompleteAsync();
    }

    public override bool TryRead(out ReadResult result)
    {
        if (!_hasAhead)
        {
            return link.TryRead(out result);
        }

        // The early read is asynchronous work: whoever has nothing at hand waits for it.
        result = default;
        return false;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (!_hasAhead)
        {
            return link.ReadAsync(cancellationToken);
        }

        _hasAhead = false;
        return _ahead;
    }

    public override void AdvanceTo(SequencePosition consumed) => link.AdvanceTo(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => link.AdvanceTo(consumed, examined);

    public override void CancelPendingRead() => link.CancelPendingRead();

    public override void Complete(Exception? exception = null) => link.Complete(exception);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> ReadAheadAsync(TunnelStream stream)
    {
        try
        {
            ReadResult result = await link.ReadAsync();
            if (result.IsCompleted)
            {
                onHalfClosed();
            }

            return result;
        }
        catch (IOException)
        {
            stream.Abort(ResetCode.Cancelled);
            throw;
        }
    }
}

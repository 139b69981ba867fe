using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using Tunnel.Framing.Flow;

namespace Tunnel.Framing.Sessions;

/// <summary>What becomes of a flush: its bytes wait for the writer loop, and its user waits while too many do.</summary>
internal sealed partial class LiveStream : IValueTaskSource<FlushResult>
{
    /// <summary>
    /// A flush waits for room. Exactly one party takes it back with <see cref="TakeFlush"/>; that one completes the flush.
    /// </summary>
    internal bool FlushWaits { get; private set; }

    // Whoever resumes it, the reader loop, the writer loop or an abort, does not run the user's code.
    private ManualResetValueTaskSourceCore<FlushResult> _flush = new() { RunContinuationsAsynchronously = true };

    // From the moment a flush waits until its user has gone on.
    private bool _isFlushing;

    /// <summary>What was written may be sent; with <paramref name="isLast"/>, FIN goes behind it.</summary>
    /// <param name="flush">The version of the flush that waits until there is room; null: there is room.</param>
    /// <returns>False: this half has ended, and what was written vanishes.</returns>
    internal bool TryPublish(TunnelStream life, ref OutgoingDraft draft, bool isLast, out short? flush)
    {
        bool wake;
        bool resume;
        flush = null;
        lock (Gate)
        {
            if (_life != life || !IsWanted)
            {
                draft.Drop();
                return false;
            }

            State.Outgoing.Publish(ref draft);
            State.FinIsWanted |= isLast;
            State.OpenIsWanted = true;
            wake = streams.Activate(this);

            // Nobody flushes after the last, so nobody would ask for a flush that still waits.
            resume = isLast && TakeFlush();
            if (!isLast && State.Outgoing.RentedBytes >= streams.Options.WaitingPerStream)
            {
                _flush.Reset();
                _isFlushing = true;
                FlushWaits = true;
                flush = _flush.Version;
            }
        }

        if (wake)
        {
            streams.WakeWriterForUser();
        }

        if (resume)
        {
            ResumeFlush(isWanted: true);
        }

        return true;
    }

    /// <summary>The flush that waits returns canceled, its bytes stay queued. False when none waits.</summary>
    internal bool TryCancelFlush(TunnelStream life, CancellationToken token = default)
    {
        lock (Gate)
        {
            if (_life != life || !TakeFlush())
            {
                return false;
            }
        }

        if (token.IsCancellationRequested)
        {
            _flush.SetException(new OperationCanceledException(token));
        }
        else
        {
            _flush.SetResult(new FlushResult(isCanceled: true, isCompleted: false));
        }

        return true;
    }

    /// <summary>Ends the wait of a flush that was taken. No lock is held.</summary>
    internal void ResumeFlush(bool isWanted) => _flush.SetResult(new FlushResult(isCanceled: false, isCompleted: !isWanted));

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token)
    {
        FlushResult result = _flush.GetResult(token);
        lock (Gate)
        {
            _isFlushing = false;
        }

        return result;
    }

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _flush.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _flush.OnCompleted(continuation, state, token, flags);

    // ---- below: the lock is held ----------------------------------------------------------------

    /// <summary>A flush that waits has room again, and does not wait any more: the caller resumes it without the lock.</summary>
    internal bool TakeFlushWithRoom() => State.Outgoing.RentedBytes <= streams.Options.WaitingPerStream / 2 && TakeFlush();

    private bool TakeFlush()
    {
        bool was = FlushWaits;
        FlushWaits = false;
        return was;
    }
}

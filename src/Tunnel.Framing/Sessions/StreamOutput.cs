using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using Tunnel.Framing.Flow;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The outgoing half as its user sees it. What is written is the user's alone until a flush hands it to the session; a flush
/// waits while more is queued than a stream may hold.
/// </summary>
internal sealed class StreamOutput(TunnelStream stream, SessionStreams streams) : PipeWriter, IValueTaskSource<FlushResult>
{
    // Resume may come from the reader loop, the writer loop or an abort: none of them runs the user's code.
    private ManualResetValueTaskSourceCore<FlushResult> _flush = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _cancellation;
    private OutgoingDraft _draft = new(streams.Chunks);
    private int _isCompleted;
    private int _cancelsNext;

    /// <summary>
    /// A flush waits. Guarded by the stream's lock, under which exactly one party takes it back with
    /// <see cref="TakeWaiting"/>; that one completes the flush.
    /// </summary>
    public bool IsWaiting { get; private set; }

    /// <summary>The user has said that nothing more comes.</summary>
    public bool IsCompleted => Volatile.Read(ref _isCompleted) != 0;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _draft.Bytes;

    /// <summary>Whoever gets true owes the waiting user a <see cref="Resume"/>. The stream's lock is held.</summary>
    public bool TakeWaiting()
    {
        bool was = IsWaiting;
        IsWaiting = false;
        return was;
    }

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ObjectDisposedException.ThrowIf(IsCompleted, stream);
        return _draft.Lease(sizeHint);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes) => _draft.Advance(bytes);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (IsCompleted)
        {
            return Done(isCompleted: true);
        }

        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        _flush.Reset();
        if (!TryPublish(isLast: false, out bool mustWait))
        {
            return Done(isCompleted: true);
        }

        if (!mustWait)
        {
            return Done(isCompleted: false);
        }

        short version = _flush.Version;
        if (cancellationToken.CanBeCanceled)
        {
            _cancellation = cancellationToken.UnsafeRegister(
                static (state, token) => ((StreamOutput)state!).GiveUpFlush(token), this);
        }

        if (Volatile.Read(ref _cancelsNext) != 0)
        {
            CancelPendingFlush();
        }

        return new ValueTask<FlushResult>(this, version);
    }

    /// <summary>The waiting flush, or the next one, returns canceled; its bytes stay queued.</summary>
    public override void CancelPendingFlush()
    {
        Volatile.Write(ref _cancelsNext, 1);
        if (StopWaiting())
        {
            Volatile.Write(ref _cancelsNext, 0);
            _flush.SetResult(new FlushResult(isCanceled: true, isCompleted: false));
        }
    }

    public override void Complete(Exception? exception = null)
    {
        if (Interlocked.Exchange(ref _isCompleted, 1) != 0)
        {
            return;
        }

        if (exception is not null)
        {
            stream.Abort(Frames.ResetCode.InternalError);
        }

        // Gives what was written back in any case; after an abort nothing of it is sent.
        TryPublish(isLast: true, out _);
    }

    /// <summary>There is room again, or nothing is wanted any more. Never called with the lock held.</summary>
    public void Resume(bool isWanted) => _flush.SetResult(new FlushResult(isCanceled: false, isCompleted: !isWanted));

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token)
    {
        // Waits for a callback that runs right now, so that it cannot meet the next flush.
        _cancellation.Dispose();
        _cancellation = default;
        return _flush.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _flush.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _flush.OnCompleted(continuation, state, token, flags);

    /// <summary>What was written may be sent; with <paramref name="isLast"/>, FIN goes behind it.</summary>
    /// <param name="mustWait">The flush waits until there is room.</param>
    /// <returns>False: this half has ended, and what was written vanishes.</returns>
    private bool TryPublish(bool isLast, out bool mustWait)
    {
        bool wake;
        bool resume;
        lock (stream.Gate)
        {
            if (!stream.IsWanted)
            {
                stream.Outgoing.Drop();
                stream.Outgoing.Publish(ref _draft);
                mustWait = false;
                return false;
            }

            stream.Outgoing.Publish(ref _draft);
            stream.FinIsWanted |= isLast;
            stream.OpenIsWanted = true;
            wake = streams.Activate(stream);

            // Nobody flushes after the last, so nobody would ask for a flush that still waits.
            resume = isLast && TakeWaiting();
            IsWaiting = !isLast && stream.Outgoing.RentedBytes >= streams.Options.WaitingPerStream;
            mustWait = IsWaiting;
        }

        if (wake)
        {
            streams.WakeWriterForUser();
        }

        if (resume)
        {
            Resume(isWanted: true);
        }

        return true;
    }

    // The user no longer waits for room. False when nobody was waiting.
    private bool StopWaiting()
    {
        lock (stream.Gate)
        {
            return TakeWaiting();
        }
    }

    private ValueTask<FlushResult> Done(bool isCompleted) =>
        new(new FlushResult(isCanceled: Interlocked.Exchange(ref _cancelsNext, 0) != 0, isCompleted));

    private void GiveUpFlush(CancellationToken token)
    {
        if (StopWaiting())
        {
            _flush.SetException(new OperationCanceledException(token));
        }
    }
}

using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The outgoing half as its user sees it. Bytes are written into memory of the session's outgoing queue; a flush
/// waits while more is queued than a stream may hold.
/// </summary>
internal sealed class StreamOutput(TunnelStream stream, SessionStreams streams) : PipeWriter, IValueTaskSource<FlushResult>
{
    private ManualResetValueTaskSourceCore<FlushResult> _flush = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _cancellation;
    private bool _isCompleted;

    /// <summary>A flush waits; guarded by the session's lock.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>The user has said that nothing more comes.</summary>
    public bool IsCompleted => _isCompleted;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => stream.Outgoing.UnflushedBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ObjectDisposedException.ThrowIf(_isCompleted, stream);
        return streams.Lease(stream, sizeHint);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes) => streams.Advance(stream, bytes);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (_isCompleted)
        {
            return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, isCompleted: true));
        }

        cancellationToken.ThrowIfCancellationRequested();
        _flush.Reset();
        switch (streams.Publish(stream, isLast: false))
        {
            case PublishOutcome.Accepted:
                return new ValueTask<FlushResult>(default(FlushResult));
            case PublishOutcome.NotWanted:
                return new ValueTask<FlushResult>(new FlushResult(isCanceled: false, isCompleted: true));
            default:
                short version = _flush.Version;
                if (cancellationToken.CanBeCanceled)
                {
                    _cancellation = cancellationToken.UnsafeRegister(
                        static (state, token) => ((StreamOutput)state!).GiveUpFlush(token), this);
                }

                return new ValueTask<FlushResult>(this, version);
        }
    }

    public override void CancelPendingFlush()
    {
        if (streams.StopWaiting(stream))
        {
            _flush.SetResult(new FlushResult(isCanceled: true, isCompleted: false));
        }
    }

    private void GiveUpFlush(CancellationToken token)
    {
        if (streams.StopWaiting(stream))
        {
            _flush.SetException(new OperationCanceledException(token));
        }
    }

    public override void Complete(Exception? exception = null)
    {
        if (_isCompleted)
        {
            return;
        }

        _isCompleted = true;
        if (exception is not null)
        {
            streams.Abort(stream, Frames.ResetCode.InternalError, "");
        }

        // Ends the lease in any case; after an abort nothing of it is sent.
        streams.Publish(stream, isLast: true);
    }

    /// <summary>There is room again, or nothing is wanted any more. Never called with the lock held.</summary>
    public void Resume(bool isWanted) => _flush.SetResult(new FlushResult(isCanceled: false, isCompleted: !isWanted));

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token)
    {
        _cancellation.Dispose();
        _cancellation = default;
        return _flush.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _flush.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _flush.OnCompleted(continuation, state, token, flags);
}

/// <summary>What became of flushed bytes.</summary>
internal enum PublishOutcome
{
    Accepted,

    /// <summary>Accepted, and the user waits until there is room.</summary>
    MustWait,

    /// <summary>Dropped: this half has ended.</summary>
    NotWanted,
}

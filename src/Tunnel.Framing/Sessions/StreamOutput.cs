using System.IO.Pipelines;
using Tunnel.Framing.Flow;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The outgoing half as its user sees it. What is written is the user's alone until a flush hands it to the session; a flush
/// waits while more is queued than a stream may hold.
/// </summary>
internal sealed class StreamOutput(TunnelStream stream) : PipeWriter
{
    private OutgoingDraft _draft;
    private int _isCompleted;
    private int _cancelsNext;

    /// <summary>The user has said that nothing more comes.</summary>
    public bool IsCompleted => Volatile.Read(ref _isCompleted) != 0;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _draft.Bytes;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ObjectDisposedException.ThrowIf(IsCompleted, stream);
        return _draft.Lease(stream.Live.Chunks, sizeHint);
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

        bool isWanted = stream.Live.TryPublish(stream, ref _draft, isLast: false, out short? flush);
        if (flush is not { } version)
        {
            return Done(isCompleted: !isWanted);
        }

        if (Volatile.Read(ref _cancelsNext) != 0)
        {
            CancelPendingFlush();
        }

        var waiting = new ValueTask<FlushResult>(stream.Live, version);
        return cancellationToken.CanBeCanceled ? WaitAsync(waiting, cancellationToken) : waiting;
    }

    /// <summary>The waiting flush, or the next one, returns canceled; its bytes stay queued.</summary>
    public override void CancelPendingFlush()
    {
        Volatile.Write(ref _cancelsNext, 1);
        if (stream.Live.TryCancelFlush(stream))
        {
            Volatile.Write(ref _cancelsNext, 0);
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
        stream.Live.TryPublish(stream, ref _draft, isLast: true, out _);
    }

    private ValueTask<FlushResult> Done(bool isCompleted) =>
        new(new FlushResult(isCanceled: Interlocked.Exchange(ref _cancelsNext, 0) != 0, isCompleted));

    private async ValueTask<FlushResult> WaitAsync(ValueTask<FlushResult> waiting, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration cancellation = cancellationToken.UnsafeRegister(
            (_, token) => stream.Live.TryCancelFlush(stream, token), null);
        return await waiting;
    }
}

using System.Buffers;
using System.IO.Pipelines;
using System.Net.Security;
using System.Runtime.CompilerServices;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tls;

/// <summary>
/// The decrypted input of a <see cref="TlsConnection"/>. With nothing buffered it waits without a buffer, and rents one
/// only when bytes are there.
/// </summary>
/// <remarks>
/// One consumer. <see cref="CancelPendingRead"/> may come from any thread. A wait that was cancelled loses nothing.
/// <see cref="TryRead"/> never touches the link. An end without close_notify is no end: it is
/// <see cref="ConnectionBreak.Truncated"/>.
/// </remarks>
internal sealed class TlsPipeReader(SslStream tls, LinkStream stream, PipeReader link, MemoryPool<byte> pool, TlsFault fault)
    : PipeReader
{
    private readonly Lock _lock = new();
    private readonly ReceiveBuffer _buffer = new(pool);
    private TaskCompletionSource? _idle;
    private bool _isReading;
    private bool _isLent;
    private bool _isCancelRequested;
    private bool _hasEnded;
    private bool _isCompleted;
    private bool _isClosing;

    // The last read has left no room: the engine may hold more of that record.
    private bool _mayHoldMore;

    private bool HasNews => _isCancelRequested || _hasEnded || _buffer.HasNews;

    private bool IsCancelRequested
    {
        get
        {
            lock (_lock)
            {
                return _isCancelRequested;
            }
        }
    }

    public override bool TryRead(out ReadResult result)
    {
        lock (_lock)
        {
            ThrowIfUnusable();
            if (!HasNews)
            {
                result = default;
                return false;
            }

            result = Lend();
            return true;
        }
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<ReadResult>(cancellationToken);
        }

        lock (_lock)
        {
            ThrowIfUnusable();
            if (HasNews)
            {
                return new(Lend());
            }

            if (fault.IsSet)
            {
                return ValueTask.FromException<ReadResult>(fault.Again());
            }

            _isReading = true;
        }

        return ReceiveAsync(cancellationToken);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        lock (_lock)
        {
            if (!_isCompleted)
            {
                _buffer.AdvanceTo(consumed, examined);
                _isLent = false;
                ReleaseUnused();
            }
        }
    }

    public override void CancelPendingRead()
    {
        lock (_lock)
        {
            _isCancelRequested = true;
            if (!_isReading)
            {
                return;
            }
        }

        // Should the read have got its bytes meanwhile, the next one meets this cancellation, and passes over it.
        link.CancelPendingRead();
    }

    public override void Complete(Exception? exception = null)
    {
        lock (_lock)
        {
            _isCompleted = true;
            _isLent = false;
            ReleaseUnused();
        }
    }

    /// <summary>The link is closed. Completes when no read is under way any more.</summary>
    internal Task CloseAsync()
    {
        lock (_lock)
        {
            _isClosing = true;
            _idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            ReleaseUnused();
            return _idle.Task;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> ReceiveAsync(CancellationToken cancellationToken)
    {
        Exception? failure = null;
        try
        {
            while (!((_mayHoldMore || stream.HasRecord(await link.ReadAsync(cancellationToken))) && await TryReceiveAsync(cancellationToken))
                && !IsCancelRequested)
            {
            }
        }
        catch (OperationCanceledException error)
        {
            failure = error;
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
        {
            failure = fault.Set(error, stream.SawEnd);
        }

        lock (_lock)
        {
            _isReading = false;
            if (failure is null && !_isCompleted)
            {
                return Lend();
            }

            ReleaseUnused();
        }

        throw failure ?? new InvalidOperationException("The reader was completed while it was read.");
    }

    // A record is there: the engine waits only if it was none of application data. False: that wait was cancelled.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> TryReceiveAsync(CancellationToken cancellationToken)
    {
        await stream.Gate.WaitAsync(CancellationToken.None);
        try
        {
            Memory<byte> room = _buffer.Room();
            int bytes = await tls.ReadAsync(room, cancellationToken);
            _mayHoldMore = bytes == room.Length;
            if (bytes > 0)
            {
                _buffer.Commit(bytes);
            }
            else if (stream.SawEnd)
            {
                throw new ConnectionBrokenException(ConnectionBreak.Truncated);
            }
            else
            {
                _hasEnded = true;
            }

            return true;
        }
        catch (ReadCancelledException)
        {
            return false;
        }
        finally
        {
            _buffer.Discard();
            stream.Gate.Release();
        }
    }

    private ReadResult Lend()
    {
        _isLent = true;
        bool isCancelled = _isCancelRequested;
        _isCancelRequested = false;
        return new ReadResult(_buffer.Sequence, isCancelled, _hasEnded);
    }

    private void ReleaseUnused()
    {
        if (_isReading)
        {
            return;
        }

        if (!_isLent && (_isCompleted || _isClosing))
        {
            _buffer.Clear();
        }

        _idle?.TrySetResult();
    }

    private void ThrowIfUnusable()
    {
        if (_isCompleted)
        {
            throw new InvalidOperationException("The reader was completed.");
        }

        if (_isReading)
        {
            throw new InvalidOperationException("A read is pending already.");
        }
    }
}

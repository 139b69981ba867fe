using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// The receiving half of a <see cref="SocketConnection"/>: reads straight from the socket on the reader's own
/// thread. With nothing buffered it waits without a buffer, and rents one only when bytes are there.
/// </summary>
/// <remarks>
/// One consumer. <see cref="CancelPendingRead"/> may come from any thread. A wait that was cancelled loses nothing:
/// the socket goes on waiting and the next read joins it. <see cref="TryRead"/> never touches the socket.
/// Reads fail with <see cref="ConnectionBrokenException"/> once everything received before the break was read.
/// Completing the reader returns its blocks; it does not touch the socket.
/// </remarks>
internal sealed class SocketPipeReader(Socket socket, MemoryPool<byte> pool, ConnectionFault fault) : PipeReader
{
    private static readonly Action<object?, CancellationToken> Cancelled =
        static (reader, token) => ((SocketPipeReader)reader!).OnTokenCancelled(token);

    private readonly Lock _gate = new();
    private readonly ReceiveBuffer _buffer = new(pool);
    private readonly PendingCall<ReadResult> _pending = new();
    private ReadyOperation? _ready;
    private TaskCompletionSource? _idle;
    private SocketError _failure = SocketError.Success;
    private bool _eof;
    private bool _cancelRequested;
    private bool _completed;
    private bool _closing;

    // The socket has our zero-byte receive, or its completion is at work on the buffer.
    private bool _armed;
    private bool _receiving;

    // The consumer has, or is about to get, a sequence over the buffer: its blocks stay until it lets go.
    private bool _lent;

    private enum Received
    {
        Something,
        NothingYet,
    }

    public override bool TryRead(out ReadResult result)
    {
        lock (_gate)
        {
            ThrowIfUnusable();
            if (!_cancelRequested && !_buffer.HasNews && !_eof)
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

        lock (_gate)
        {
            ThrowIfUnusable();
            if (_cancelRequested || _buffer.HasNews || _eof)
            {
                return new(Lend());
            }

            if (IsBroken())
            {
                return Failed();
            }

            _lent = true;
        }

        // In bulk the next bytes are there already: no need to ask first.
        if (_buffer.LikelyMore && Receive(SocketError.Success) == Received.Something)
        {
            lock (_gate)
            {
                return IsBroken() ? Failed() : new(Lend());
            }
        }

        bool arm;
        _pending.Begin(Cancelled, this, cancellationToken);
        lock (_gate)
        {
            if (_cancelRequested && _pending.TryClaim())
            {
                _pending.SetResult(Lend(), inline: false);
            }

            arm = !_armed;
            _armed = true;
        }

        if (arm)
        {
            Wait();
        }

        return _pending.Task;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        lock (_gate)
        {
            if (_completed)
            {
                return;
            }

            _buffer.AdvanceTo(consumed, examined);
            Return();
        }
    }

    public override void CancelPendingRead()
    {
        ReadResult result;
        lock (_gate)
        {
            _cancelRequested = true;
            if (!_pending.TryClaim())
            {
                return;
            }

            result = Lend();
        }

        _pending.SetResult(result, inline: false);
    }

    public override void Complete(Exception? exception = null)
    {
        bool pending;
        lock (_gate)
        {
            _completed = true;
            pending = _pending.TryClaim();
            Return();
        }

        if (pending)
        {
            _pending.SetException(new InvalidOperationException("The reader was completed while it was read."), inline: false);
        }
    }

    /// <summary>The socket has something to receive, or failed. Runs on the socket's thread.</summary>
    internal void OnReady(SocketError error)
    {
        if (!TryFinishWait(error))
        {
            Wait();
        }
    }

    /// <summary>
    /// The socket is closed: no more is armed. Completes when the socket has let go of the reader; whatever the
    /// consumer does not hold is back in the pool then.
    /// </summary>
    internal Task CloseAsync()
    {
        lock (_gate)
        {
            _closing = true;
            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            SignalIdle();
            return _idle.Task;
        }
    }

    private void Wait()
    {
        while (true)
        {
            SocketError error;
            try
            {
                _ready ??= new ReadyOperation(this);
                if (socket.ReceiveAsync(_ready))
                {
                    return;
                }

                error = _ready.SocketError;
            }
            catch (Exception e) when (e is ObjectDisposedException or InvalidOperationException or SocketException)
            {
                // The connection was aborted between the call and here.
                error = SocketError.OperationAborted;
            }

            if (TryFinishWait(error))
            {
                return;
            }
        }
    }

    /// <summary>False: it was a false alarm and the call is still to be waited for.</summary>
    private bool TryFinishWait(SocketError error)
    {
        lock (_gate)
        {
            _armed = false;
            if (!_pending.TryClaim())
            {
                // The call was cancelled meanwhile; the next one will find the bytes.
                if (error != SocketError.Success)
                {
                    _failure = fault.Set(error);
                }

                SignalIdle();
                return true;
            }

            _receiving = true;
        }

        Received received;
        try
        {
            received = Receive(error);
        }
        catch (Exception e)
        {
            // Only the pool can throw here. Whatever it is, it belongs to the caller, not to the socket's thread.
            lock (_gate)
            {
                _receiving = false;
                Return();
                SignalIdle();
            }

            _pending.SetException(e, inline: true);
            return true;
        }

        ReadResult result = default;
        SocketError failure;
        var again = false;
        lock (_gate)
        {
            _receiving = false;
            if (_closing && received == Received.NothingYet)
            {
                _failure = fault.Set(SocketError.OperationAborted);
            }

            failure = _failure;
            if (failure != SocketError.Success || _completed)
            {
                Return();
            }
            else if (received == Received.NothingYet && !_cancelRequested)
            {
                again = true;
                _armed = true;
                _pending.Unclaim();
            }
            else
            {
                result = Lend();
            }

            if (!again)
            {
                SignalIdle();
            }
        }

        if (again)
        {
            if (_pending.Token.IsCancellationRequested)
            {
                OnTokenCancelled(_pending.Token);
            }

            return false;
        }

        if (failure != SocketError.Success)
        {
            _pending.SetException(new ConnectionBrokenException(failure), inline: true);
        }
        else
        {
            _pending.SetResult(result, inline: true);
        }

        return true;
    }

    /// <summary>Takes what is there. A break counts as something: the caller finds it in <see cref="_failure"/>.</summary>
    private Received Receive(SocketError error)
    {
        if (error == SocketError.Success)
        {
            try
            {
                var room = _buffer.Room();
                var bytes = socket.Receive(room.Span, SocketFlags.None, out error);
                if (error == SocketError.Success)
                {
                    if (bytes > 0)
                    {
                        _buffer.Commit(bytes);
                    }
                    else
                    {
                        _buffer.Discard();
                        _failure = fault.Error;
                        _eof = _failure == SocketError.Success;
                    }

                    return Received.Something;
                }
            }
            catch (ObjectDisposedException)
            {
                error = SocketError.OperationAborted;
            }
        }

        _buffer.Discard();
        if (error is SocketError.WouldBlock or SocketError.IOPending)
        {
            return Received.NothingYet;
        }

        _failure = fault.Set(error);
        return Received.Something;
    }

    private void OnTokenCancelled(CancellationToken token)
    {
        lock (_gate)
        {
            if (!_pending.TryClaim())
            {
                return;
            }

            Return();
        }

        _pending.SetException(new OperationCanceledException(token), inline: false);
    }

    private ReadResult Lend()
    {
        _lent = true;
        var cancelled = _cancelRequested;
        _cancelRequested = false;
        return new ReadResult(_buffer.Sequence, cancelled, _eof);
    }

    /// <summary>The consumer holds nothing any more. Under the gate.</summary>
    private void Return()
    {
        _lent = false;
        ReleaseUnused();
    }

    private void ReleaseUnused()
    {
        if (!_lent && !_receiving && (_completed || _closing))
        {
            _buffer.Clear();
        }
    }

    private void SignalIdle()
    {
        if (_closing && !_armed && !_receiving)
        {
            _ready?.Dispose();
            ReleaseUnused();
            _idle?.TrySetResult();
        }
    }

    private void ThrowIfUnusable()
    {
        if (_completed)
        {
            throw new InvalidOperationException("The reader was completed.");
        }

        if (_pending.IsWaiting || _receiving)
        {
            throw new InvalidOperationException("A read is pending already.");
        }
    }

    private bool IsBroken()
    {
        if (_closing && _failure == SocketError.Success)
        {
            _failure = fault.Set(SocketError.OperationAborted);
        }

        return _failure != SocketError.Success;
    }

    private ValueTask<ReadResult> Failed()
    {
        Return();
        return ValueTask.FromException<ReadResult>(new ConnectionBrokenException(_failure));
    }
}

using System.IO.Pipelines;
using System.Net.Sockets;
using Tunnel.Transport.EventThreads;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// The receiving half of a <see cref="SocketConnection"/>: reads straight from the socket on the reader's own
/// thread. With nothing buffered it waits without a buffer, and rents one only when bytes are there.
/// </summary>
/// <remarks>
/// One consumer. <see cref="CancelPendingRead"/> may come from any thread. A wait that was cancelled loses nothing:
/// the socket goes on waiting and the next read joins it. <see cref="TryRead"/> never touches the socket.
/// Reads fail with <see cref="ConnectionBrokenException"/> once everything received before the break was read.
/// Completing the reader returns its blocks; it does not touch the socket. The pending call is the gate, too: nobody else
/// locks it, and a lock would be 40 bytes more for every idle connection.
/// </remarks>
internal sealed class SocketPipeReader(Socket socket, SocketReceiver receiver, SocketWatch watch) : PipeReader, IReadyHandler
{
    private static readonly Action<object?, CancellationToken> Cancelled =
        static (reader, token) => ((SocketPipeReader)reader!).OnTokenCancelled(token);

    private readonly PendingCall<ReadResult> _pending = new();
    private ReadyOperation? _ready;
    private TaskCompletionSource? _idle;
    private bool _cancelRequested;
    private bool _completed;
    private bool _closing;

    // The socket is waited for.
    private bool _armed;

    // The consumer has, or is about to get, a sequence over the buffer: its blocks stay until it lets go.
    private bool _lent;

    /// <summary>A read need not wait: something is to be told.</summary>
    private bool HasNews => _cancelRequested || receiver.Eof || receiver.Buffer.HasNews;

    public override bool TryRead(out ReadResult result)
    {
        lock (_pending)
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

        bool arm = false;
        bool isMoreLikely;
        lock (_pending)
        {
            ThrowIfUnusable();
            if (HasNews)
            {
                return new(Lend());
            }

            if (IsBroken())
            {
                return Failed();
            }

            _lent = true;
            isMoreLikely = receiver.Buffer.LikelyMore;
            if (!isMoreLikely)
            {
                arm = Begin(cancellationToken);
            }
        }

        // In bulk the next bytes are there already: no need to wait for them.
        if (isMoreLikely)
        {
            bool hasReceived = receiver.TryReceive();
            lock (_pending)
            {
                if (hasReceived || _cancelRequested)
                {
                    return IsBroken() ? Failed() : new(Lend());
                }

                arm = Begin(cancellationToken);
            }
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
        lock (_pending)
        {
            if (_completed)
            {
                return;
            }

            receiver.Buffer.AdvanceTo(consumed, examined);
            Return();
        }
    }

    public override void CancelPendingRead()
    {
        ReadResult result;
        lock (_pending)
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
        lock (_pending)
        {
            _completed = true;
            pending = _pending.TryClaim();
            Return();
        }

        if (pending)
        {
            _pending.SetException(CompletedMeanwhile(), inline: false);
        }
    }

    /// <summary>The socket has something to receive, or failed. Runs on the socket's thread.</summary>
    void IReadyHandler.OnReady(SocketError error)
    {
        if (!TryFinishWait(error))
        {
            Wait();
        }
    }

    /// <summary>The socket is about to be closed: lets go of it at once if only a cancelled read has left it waiting.</summary>
    internal void StopWaiting()
    {
        lock (_pending)
        {
            if (_armed && !_pending.IsWaiting && watch.TryStopWaitingToReceive())
            {
                _armed = false;
            }
        }
    }

    /// <summary>
    /// The socket is closed: no more is armed. Completes when the socket has let go of the reader; whatever the
    /// consumer does not hold is back in the pool then.
    /// </summary>
    internal Task CloseAsync()
    {
        lock (_pending)
        {
            _closing = true;
            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            SignalIdle();
            return _idle.Task;
        }
    }

    // Under the gate. True: the caller has to wait for the socket, once it has let go of the gate.
    private bool Begin(CancellationToken token)
    {
        _pending.Begin(Cancelled, this, token);
        bool wasArmed = _armed;
        _armed = true;
        return !wasArmed;
    }

    private void Wait()
    {
        while (!(watch.IsOn ? watch.TryWaitToReceive(out var error) : (_ready ??= new(socket, this)).TryWait(out error))
            && !TryFinishWait(error))
        {
        }
    }

    /// <summary>False: it was a false alarm and the call is still to be waited for.</summary>
    private bool TryFinishWait(SocketError error)
    {
        ReadResult result = default;
        Exception? failure = null;
        lock (_pending)
        {
            _armed = false;
            if (!_pending.IsWaiting)
            {
                // The call was cancelled meanwhile; the next one will find the bytes.
                watch.Keep();
                if (error != SocketError.Success)
                {
                    receiver.Fail(error);
                }

                SignalIdle();
                return true;
            }

            try
            {
                if (error != SocketError.Success)
                {
                    receiver.Fail(error);
                }
                else if (!receiver.TryReceive())
                {
                    _armed = true;
                    return false;
                }
            }
            catch (Exception e)
            {
                // Only the pool can throw here. Whatever it is, it belongs to the caller, not to the socket's thread.
                failure = e;
            }

            failure ??= IsBroken() ? new ConnectionBrokenException(receiver.Failure) : null;
            if (failure is null)
            {
                result = Lend();
            }
            else
            {
                Return();
            }

            // Whoever ends a call does so under the gate.
            _pending.TryClaim();
            SignalIdle();
        }

        if (failure is null)
        {
            _pending.SetResult(result, inline: true);
        }
        else
        {
            _pending.SetException(failure, inline: true);
        }

        return true;
    }

    private void OnTokenCancelled(CancellationToken token)
    {
        lock (_pending)
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
        return new ReadResult(receiver.Buffer.Sequence, cancelled, receiver.Eof);
    }

    /// <summary>The consumer holds nothing any more. Under the gate.</summary>
    private void Return()
    {
        _lent = false;
        ReleaseUnused();
    }

    private void ReleaseUnused()
    {
        if (!_lent && (_completed || _closing))
        {
            receiver.Buffer.Clear();
        }
    }

    private void SignalIdle()
    {
        if (_closing && !_armed)
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

        if (_pending.IsWaiting)
        {
            throw new InvalidOperationException("A read is pending already.");
        }
    }

    private bool IsBroken()
    {
        if (_closing && !receiver.IsBroken)
        {
            receiver.Fail(SocketError.OperationAborted);
        }

        return receiver.IsBroken;
    }

    private ValueTask<ReadResult> Failed()
    {
        Return();
        return ValueTask.FromException<ReadResult>(new ConnectionBrokenException(receiver.Failure));
    }

    private static InvalidOperationException CompletedMeanwhile() => new("The reader was completed while it was read.");
}

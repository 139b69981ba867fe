using System.IO.Pipelines;
using System.Net.Sockets;
using Tunnel.Transport.EventThreads;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// Sends what a <see cref="SocketPipeWriter"/> hands over: at once on the caller's thread as far as the socket takes
/// it, the rest as the socket gets room. There is one driver at a time; it owns the chain it sends from.
/// The watch is the gate, too: nobody else locks it, and a lock would be 40 bytes more for every idle connection.
/// </summary>
internal sealed class SocketSender(Socket socket, SocketConnection connection, SocketWatch watch, ConnectionFault fault) : IReadyHandler
{
    private static readonly Action<object?, CancellationToken> Cancelled =
        static (sender, token) => ((SocketSender)sender!).OnTokenCancelled(token);

    private PendingCall<FlushResult>? _pending;
    private TaskCompletionSource? _idle;

    // Touched by the driver alone.
    private SendProgress _sending;

    // Under the gate.
    private SendChain _flushed;
    private bool _driving;
    private bool _cancelRequested;
    private bool _completed;
    private bool _finSent;

    /// <summary>Everything was sent and the end of it, too: closing the socket loses nothing.</summary>
    public bool EndedCleanly
    {
        get
        {
            lock (watch)
            {
                return _finSent && !fault.IsSet;
            }
        }
    }

    /// <summary>Bytes our system has taken so far.</summary>
    public long BytesTaken => _sending.Taken;

    /// <summary>Takes over the chain and waits until it was sent.</summary>
    public ValueTask<FlushResult> FlushAsync(ref SendChain chain, CancellationToken token)
    {
        // A glance: a cancellation that comes later than this is for the next flush.
        if (TakeOver(ref chain, complete: false) && Drive() && !Volatile.Read(ref _cancelRequested))
        {
            return AtOnce(default);
        }

        lock (watch)
        {
            if (_pending is { IsWaiting: true })
            {
                throw new InvalidOperationException("A flush is pending already.");
            }

            if (!_driving)
            {
                return AtOnce(TakeResult());
            }

            // Made under the gate, because a cancellation looks for it there.
            _pending ??= new PendingCall<FlushResult>();
        }

        // The socket is full. The driver may finish any moment, before or after there is somebody to tell.
        _pending.Begin(Cancelled, this, token);
        bool finished;
        lock (watch)
        {
            finished = (!_driving || _cancelRequested) && _pending.TryClaim();
        }

        if (finished)
        {
            Finish(inline: true);
        }

        return _pending.Task;
    }

    /// <summary>Takes over the chain, sends it in the background and then the end of our sending.</summary>
    public void Complete(ref SendChain chain)
    {
        if (TakeOver(ref chain, complete: true))
        {
            Drive();
        }
    }

    public void CancelPendingFlush()
    {
        lock (watch)
        {
            _cancelRequested = true;
            if (_pending is null || !_pending.TryClaim())
            {
                return;
            }
        }

        Finish(inline: false);
    }

    /// <summary>Completes when nothing is being sent; from then on only a new flush would change that.</summary>
    public Task WhenIdleAsync()
    {
        lock (watch)
        {
            if (!_driving)
            {
                return Task.CompletedTask;
            }

            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _idle.Task;
        }
    }

    /// <summary>
    /// The reader was told of the end while a send may be under way: was it the peer's orderly end, or is it what the
    /// system says after a reset that it told the send, which has not come back with it yet? After an orderly end one
    /// can still send, if only nothing.
    /// </summary>
    internal bool IsCutOff()
    {
        if (!Volatile.Read(ref _driving))
        {
            // Whatever a send was told is on record by now.
            return fault.IsSet;
        }

        SocketError error;
        try
        {
            ReadOnlySpan<byte> nothing = [];
            _ = watch.IsOn ? DirectCalls.Send(socket, nothing, out error) : socket.Send(nothing, SocketFlags.None, out error);
        }
        catch (ObjectDisposedException)
        {
            error = SocketError.OperationAborted;
        }

        lock (watch)
        {
            // Our own end forbids sending as well; it went out, so no send was told of a reset.
            if (error is SocketError.Success or SocketError.WouldBlock or SocketError.IOPending || (_finSent && !fault.IsSet))
            {
                return fault.IsSet;
            }
        }

        fault.Set(error);
        return true;
    }

    /// <summary>The socket took some more, or failed. Runs on the socket's thread.</summary>
    internal void OnSent(SocketError error, int bytes)
    {
        _sending.Account(fault, error, bytes);
        Drive();
    }

    /// <summary>The socket may have room again. Runs on the event thread.</summary>
    void IReadyHandler.OnReady(SocketError error) => OnSent(error, 0);

    /// <summary>True: nobody is sending, the caller has to.</summary>
    private bool TakeOver(ref SendChain chain, bool complete)
    {
        lock (watch)
        {
            if (_completed)
            {
                return false;
            }

            _completed = complete;
            _flushed.TakeFrom(ref chain);
            if (_driving || (_flushed.IsEmpty && !complete))
            {
                return false;
            }

            _driving = true;
            _sending.TakeFrom(ref _flushed);
            return true;
        }
    }

    private ValueTask<FlushResult> AtOnce(FlushResult result) =>
        fault.IsSet ? ValueTask.FromException<FlushResult>(new ConnectionBrokenException(fault.Error)) : new(result);

    /// <summary>Sends until nothing is left, the connection is broken or, which is the answer false, the socket is full.</summary>
    private bool Drive()
    {
        do
        {
            while (!_sending.IsEmpty && !fault.IsSet)
            {
                if (_sending.TrySend(socket, watch, this, out var error, out var bytes))
                {
                    connection.HasSent();
                    return false;
                }

                _sending.Account(fault, error, bytes);
            }

            connection.HasSent();
        }
        while (!TryStop());
        return true;
    }

    /// <summary>The driver stops, unless more was flushed meanwhile or the end is to be said, which it says.</summary>
    private bool TryStop()
    {
        if (fault.IsSet)
        {
            _sending.Clear();
        }

        _sending.Rest();
        bool end;
        var told = false;
        TaskCompletionSource? idle = null;
        lock (watch)
        {
            if (fault.IsSet)
            {
                _flushed.Clear();
            }

            // A flush whose waiting was cancelled may have been followed by another meanwhile.
            if (!_flushed.IsEmpty)
            {
                _sending.TakeFrom(ref _flushed);
                return false;
            }

            end = _completed && !_finSent && !fault.IsSet;
            if (end)
            {
                _finSent = true;
            }
            else
            {
                _driving = false;
                idle = _idle;
                _idle = null;
                told = _pending is not null && _pending.TryClaim();
            }
        }

        if (end)
        {
            SendProgress.End(socket, fault);
            return false;
        }

        idle?.TrySetResult();
        if (told)
        {
            Finish(inline: true);
        }

        return true;
    }

    /// <summary>Ends the waiting of a flush that was claimed.</summary>
    private void Finish(bool inline)
    {
        var pending = _pending!;
        if (fault.IsSet)
        {
            pending.SetException(new ConnectionBrokenException(fault.Error), inline);
            return;
        }

        FlushResult result;
        lock (watch)
        {
            result = TakeResult();
        }

        pending.SetResult(result, inline);
    }

    private FlushResult TakeResult()
    {
        var cancelled = _cancelRequested;
        _cancelRequested = false;
        return new FlushResult(cancelled, isCompleted: false);
    }

    private void OnTokenCancelled(CancellationToken token)
    {
        if (_pending is { } pending && pending.TryClaim())
        {
            pending.SetException(new OperationCanceledException(token), inline: false);
        }
    }
}

using System.IO.Pipelines;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// One request or one raw connection inside a session (docs/protocol.md, section 4): two halves of bytes that each
/// end by themselves. <see cref="Input"/> and <see cref="Output"/> belong to one user, who disposes the stream once
/// neither is in use any more.
/// </summary>
/// <remarks>
/// Completing <see cref="Output"/> sends FIN. Flushing it waits while too much is queued, and returns a completed result once
/// the peer wants no more. Reading throws <see cref="StreamResetException"/> when the peer's half ended without FIN.
/// This part is the stream as its user knows it; its other parts are its input, and what stands behind its lock.
/// </remarks>
public sealed partial class TunnelStream : PipeReader, ITunnelStream
{
    private const int NoCode = -1;

    private readonly SessionStreams _streams;
    private readonly StreamOutput _output;
    private int _resetCode = NoCode;
    private volatile StreamProgress _progress;
    private Action<object?>? _abortCallback;
    private object? _abortState;
    private int _hasAbortCallback;

    internal TunnelStream(SessionStreams streams, in OpenHeader open, uint id, ReceiveWindow receiveWindow, SendWindow sendWindow)
    {
        _streams = streams;
        Open = open;
        Id = id;
        _receiveWindow = receiveWindow;
        SendWindow = sendWindow;
        _output = new StreamOutput(this, streams);
    }

    /// <inheritdoc/>
    public OpenHeader Open { get; }

    /// <inheritdoc/>
    public uint Id { get; internal set; }

    public PipeReader Input => this;

    public PipeWriter Output => _output;

    /// <inheritdoc/>
    public ResetCode? ResetCode
    {
        get
        {
            int code = Volatile.Read(ref _resetCode);
            return code == NoCode ? null : (ResetCode)code;
        }
    }

    /// <summary>How far its user has come; a word of the user's that the session does nothing with.</summary>
    public StreamProgress Progress => _progress;

    /// <inheritdoc/>
    public bool HasReachedPeer
    {
        get
        {
            lock (Gate)
            {
                return Id != 0 && _streams.Replay.Acknowledged >= OpenEnd;
            }
        }
    }

    /// <inheritdoc/>
    public void AnswerBegan()
    {
        if (_progress == StreamProgress.Waiting)
        {
            _progress = StreamProgress.Answering;
        }
    }

    /// <inheritdoc/>
    public void MayBeAbandoned() => _progress = StreamProgress.Abandoned;

    /// <inheritdoc/>
    public bool TryPin()
    {
        lock (Gate)
        {
            IsPinned |= IsWanted;
            return IsWanted;
        }
    }

    /// <summary>
    /// Ends both halves at once: nothing more is sent but RESET, nothing more is delivered. Safe from any thread.
    /// Without effect on what has already ended.
    /// </summary>
    public void Abort(ResetCode code, string detail = "")
    {
        bool resume;
        bool wasAwaited;
        lock (Gate)
        {
            if (Halves.IsClosed || Halves.ResetWasSent)
            {
                return;
            }

            wasAwaited = Halves.Receiving == HalfState.Open && FailInput(new StreamResetException(code, detail));
            if (Id == 0)
            {
                // The peer has never heard of it.
                resume = End(code);
            }
            else
            {
                SetResetCode(code);
                resume = StopSending();
                SendReset(AnswerOwed ?? code, AnswerOwed is null ? detail : "");
            }
        }

        Tell(wasAwaited, resume);
        _streams.WakeWriter();
    }

    /// <summary>
    /// The user is done and all memory goes back. An output that was completed is still sent to its end; one that was
    /// not is aborted, and so is whatever the peer still sends.
    /// </summary>
    public void Dispose()
    {
        bool isFinished;
        lock (Gate)
        {
            IsDisposed = true;
            isFinished = _output.IsCompleted && AnswerOwed is null;
        }

        if (!isFinished)
        {
            Abort(Frames.ResetCode.Cancelled);
        }

        Complete();
        _output.Complete();
    }

    /// <summary>
    /// Calls back once when the peer resets the stream or the session ends under it; at once when that has happened
    /// already. For users that wait for something other than this stream. The callback must not block or throw.
    /// </summary>
    /// <exception cref="InvalidOperationException">Somebody is called back already; there is one callback for a stream.</exception>
    public void WhenAborted(Action<object?> callback, object? state)
    {
        if (Interlocked.Exchange(ref _hasAbortCallback, 1) != 0)
        {
            throw new InvalidOperationException("The stream calls somebody back already.");
        }

        // A full barrier on both sides: either we see the reason, or whoever sets it sees the callback.
        _abortState = state;
        Interlocked.Exchange(ref _abortCallback, callback);
        if (ResetCode is not null)
        {
            NotifyAborted();
        }
    }

    private void NotifyAborted() => Interlocked.Exchange(ref _abortCallback, null)?.Invoke(_abortState);

    /// <summary>Keeps the first reason.</summary>
    private void SetResetCode(ResetCode code) => Interlocked.CompareExchange(ref _resetCode, (int)code, NoCode);

    // Without the lock: the user goes on, perhaps at once.
    private void Tell(bool wasAwaited, bool resume)
    {
        if (wasAwaited)
        {
            CompleteRead(mostInline: 0);
        }

        if (resume)
        {
            _output.Resume(isWanted: false);
        }
    }
}

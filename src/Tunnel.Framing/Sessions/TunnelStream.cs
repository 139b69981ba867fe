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
/// Writing puts bytes straight into the session's outgoing queue; completing <see cref="Output"/> sends FIN. Flushing
/// waits while too much is queued, and returns a completed result once the peer wants no more. Reading throws
/// <see cref="StreamResetException"/> when the peer's half ended without FIN.
/// </remarks>
public sealed class TunnelStream : ITunnelStream, IFairQueueItem<TunnelStream>
{
    private const int NoCode = -1;

    private readonly StreamActions _actions;
    private readonly StreamInput _input;
    private readonly StreamOutput _output;
    private int _resetCode = NoCode;
    private volatile StreamProgress _progress;
    private Action<object?>? _abortCallback;
    private object? _abortState;
    private int _hasAbortCallback;

    internal TunnelStream(SessionStreams streams, in OpenHeader open, uint id, ReceiveWindow receiveWindow, SendWindow sendWindow)
    {
        _actions = streams.Actions;
        Open = open;
        Id = id;
        ReceiveWindow = receiveWindow;
        SendWindow = sendWindow;
        _input = new StreamInput(this, streams);
        _output = new StreamOutput(this, streams.Actions, streams.Chunks);
    }

    /// <inheritdoc/>
    public OpenHeader Open { get; }

    /// <inheritdoc/>
    public uint Id { get; internal set; }

    public PipeReader Input => _input;

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

    internal StreamInput In => _input;

    internal StreamOutput Out => _output;

    // Everything below is guarded by the session's lock.
    internal OutgoingBuffer Outgoing;

    internal ReceiveWindow ReceiveWindow;

    internal SendWindow SendWindow;

    internal StreamHalves Halves;

    /// <summary>Nothing more comes. A glance, good without the lock when it is true: a half that has ended stays so.</summary>
    internal bool HasAllReceived => Halves.Receiving != HalfState.Open;

    /// <summary>The count of the sequence behind its OPEN; 0 while that has no place in it.</summary>
    internal ulong OpenEnd { get; set; }

    /// <summary>Where it stands among the live ones: the <see cref="StreamTable"/>'s alone.</summary>
    internal int Place { get; set; }

    /// <summary>The user completed its output: FIN goes with the last byte.</summary>
    internal bool FinIsWanted { get; set; }

    /// <summary>RESET to send, and whether the stream still waits among those with something urgent.</summary>
    internal ResetCode? ResetToSend { get; set; }

    internal string ResetDetail { get; set; } = "";

    internal uint CreditToSend { get; set; }

    internal bool IsUrgent { get; set; }

    internal TimeSpan LastSent { get; set; }

    TunnelStream? IFairQueueItem<TunnelStream>.NextInQueue { get; set; }

    TunnelStream? IFairQueueItem<TunnelStream>.PreviousInQueue { get; set; }

    bool IFairQueueItem<TunnelStream>.IsQueued { get; set; }

    int IFairQueueItem<TunnelStream>.FreshBytes { get; set; } = FairQueue<TunnelStream>.FreshAllowance;

    int IFairQueueItem<TunnelStream>.TurnBytes { get; set; }

    /// <summary>
    /// The peer's RESET that we have yet to answer, because our user still works on this stream: the peer counts the
    /// slot until that work has stopped.
    /// </summary>
    internal ResetCode? AnswerOwed { get; set; }

    /// <summary>The peer broke the stream off before we did.</summary>
    internal bool WasResetByPeer { get; set; }

    /// <summary>It stays with the session when the link is lost, whether or not its OPEN has left.</summary>
    internal bool IsPinned { get; set; }

    /// <summary>Nothing of the session's or the process's memory counts for it any more.</summary>
    internal bool HasReturnedMemory { get; set; }

    /// <summary>The user is through with the stream.</summary>
    internal bool IsDisposed { get; set; }

    /// <summary>Our half is open and the peer still wants it.</summary>
    internal bool IsWanted => Halves.Sending == HalfState.Open && AnswerOwed is null;

    /// <summary>The writer has something to do for this stream, window permitting.</summary>
    internal bool CanSend =>
        IsWanted
        && (Outgoing.WaitingBytes > 0 ? SendWindow.Available > 0 : FinIsWanted || (Id == 0 && OpenIsWanted));

    /// <summary>Got bytes in the batch that the reader loop handles now; that loop's alone.</summary>
    internal bool IsFed { get; set; }

    /// <summary>The user flushed for the first time: OPEN may go out even without bytes.</summary>
    internal bool OpenIsWanted { get; set; }

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

    /// <summary>
    /// Ends both halves at once: nothing more is sent but RESET, nothing more is delivered. Safe from any thread.
    /// Without effect on what has already ended.
    /// </summary>
    public void Abort(ResetCode code, string detail = "") => _actions.Abort(this, code, detail);

    /// <summary>
    /// The user is done and all memory goes back. An output that was completed is still sent to its end; one that was
    /// not is aborted, and so is whatever the peer still sends.
    /// </summary>
    public void Dispose()
    {
        _actions.Leave(this, isFinished: _output.IsCompleted);
        _input.Complete();
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

    /// <inheritdoc/>
    public bool TryPin() => _actions.TryPin(this);

    /// <inheritdoc/>
    public bool HasReachedPeer => _actions.HasReachedPeer(this);

    internal void NotifyAborted() => Interlocked.Exchange(ref _abortCallback, null)?.Invoke(_abortState);

    /// <summary>Keeps the first reason.</summary>
    internal void SetResetCode(ResetCode code) => Interlocked.CompareExchange(ref _resetCode, (int)code, NoCode);
}

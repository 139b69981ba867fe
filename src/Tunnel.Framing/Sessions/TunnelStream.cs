using System.IO.Pipelines;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// One request or one raw connection inside a session (docs/protocol.md, section 4): two halves of bytes that each
/// end by themselves. <see cref="Input"/> and <see cref="Output"/> belong to one user, who disposes the stream once
/// neither is in use any more.
/// </summary>
/// <remarks>
/// <para>Completing <see cref="Output"/> sends FIN. Flushing it waits while too much is queued, and returns a completed result
/// once the peer wants no more. Reading throws <see cref="StreamResetException"/> when the peer's half ended without FIN.</para>
/// <para>This is the stream as its user knows it, for one life; what stands behind it, <see cref="LiveStream"/>, is used again.
/// Whoever still holds this one after its life reaches nothing by it.</para>
/// </remarks>
public sealed class TunnelStream : PipeReader, ITunnelStream
{
    private const int NoCode = -1;

    private readonly LiveStream _live;
    private readonly StreamOutput _output;
    private int _resetCode = NoCode;
    private volatile StreamProgress _progress;
    private Action<object?>? _abortCallback;
    private object? _abortState;
    private int _hasAbortCallback;

    internal TunnelStream(LiveStream live, in OpenHeader open)
    {
        _live = live;
        Open = open;
        _output = new StreamOutput(this);
    }

    public OpenHeader Open { get; }

    public uint Id { get; internal set; }

    public PipeReader Input => this;

    public PipeWriter Output => _output;

    public ResetCode? ResetCode
    {
        get
        {
            int code = Volatile.Read(ref _resetCode);
            return code == NoCode ? null : (ResetCode)code;
        }
    }

    public StreamProgress Progress => _progress;

    public bool HasReachedPeer => _live.HasReachedPeer(this);

    internal LiveStream Live => _live;

    public void AnswerBegan()
    {
        if (_progress == StreamProgress.Waiting)
        {
            _progress = StreamProgress.Answering;
        }
    }

    public void MayBeAbandoned() => _progress = StreamProgress.Abandoned;

    public bool TryPin() => _live.TryPin(this);

    public void Abort(ResetCode code, string detail = "") => _live.Abort(this, code, detail);

    /// <summary>
    /// The user is done and all memory goes back. An output that was completed is still sent to its end; one that was
    /// not is aborted, and so is whatever the peer still sends.
    /// </summary>
    public void Dispose()
    {
        _live.Leave(this, _output.IsCompleted);
        _live.CompleteInput(this);
        _output.Complete();
        _live.Release(this);
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

    // ---- its input ------------------------------------------------------------------------------

    public override bool TryRead(out ReadResult result) => _live.TryRead(this, out result);

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        _live.ReadAsync(this, cancellationToken);

    public override void AdvanceTo(SequencePosition consumed) => _live.AdvanceTo(this, consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) =>
        _live.AdvanceTo(this, consumed, examined);

    public override void CancelPendingRead() => _live.CancelPendingRead(this);

    /// <summary>
    /// The user reads no more: what still comes is dropped, and once our own half has ended, the peer is told to stop.
    /// </summary>
    /// <remarks>A read that is pending, which is a fault of the user's, throws: it would wait for bytes that nobody takes in.</remarks>
    public override void Complete(Exception? exception = null) => _live.CompleteInput(this);

    internal void NotifyAborted() => Interlocked.Exchange(ref _abortCallback, null)?.Invoke(_abortState);

    /// <summary>Keeps the first reason.</summary>
    internal void SetResetCode(ResetCode code) => Interlocked.CompareExchange(ref _resetCode, (int)code, NoCode);
}

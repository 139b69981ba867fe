using System.Diagnostics.CodeAnalysis;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// What stands behind a <see cref="TunnelStream"/> while it lives: halves, windows, input and output, behind one lock. This part
/// is its state and its life; others are its input, its output, and what the session does with it.
/// </summary>
/// <remarks>
/// It is used again: a life begins with <see cref="Begin"/> and is over when its user has let go of it, both halves have ended
/// and nothing is left to send. Whoever comes late is told by what it brings: a user by its <see cref="TunnelStream"/>, the reader
/// loop by the id, and the writer loop asks what there is to send. One that somebody still waits on is not used again.
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "Its user disposes of the stream, and that is what ends this one.")]
internal sealed partial class LiveStream(SessionStreams streams) : FairQueueItem<LiveStream>
{
    private TunnelStream? _life;
    private ReceiveWindow _receiveWindow;

    /// <summary>The stream as its user knows it. Good with the session's lock held and as long as it is in the table.</summary>
    internal TunnelStream Life => _life!;

    /// <summary>It is still the life of this one. The lock is held.</summary>
    internal bool IsOf(TunnelStream stream) => _life == stream;

    /// <summary>What OPEN says, or will say.</summary>
    internal OpenHeader Open => Life.Open;

    /// <summary>The pool of what the user writes.</summary>
    internal ChunkPool Chunks => streams.Chunks;

    /// <summary>RequestId; 0 while OPEN has not entered a link.</summary>
    internal uint Id { get; private set; }

    /// <summary>
    /// Guards the stream: halves, windows, input, output. The session's lock (<see cref="SessionStreams.Gate"/>) may be taken
    /// with this one held, never the other way round; two streams' locks are never held at a time; no user code runs with it.
    /// </summary>
    internal Lock Gate { get; } = new();

    /// <summary>What the next life knows nothing of.</summary>
    internal LifeState State;

    internal SendWindow SendWindow;

    // ---- guarded by the session's lock ----------------------------------------------------------

    /// <summary>It waits among those with a RESET or a CREDIT to send.</summary>
    internal bool IsUrgent { get; set; }

    // ---- from the first moment to the last ------------------------------------------------------

    /// <summary>
    /// Begins a life. Nobody knows of it yet, and whoever comes late from the one before finds nothing here: the session's lock
    /// is held, the stream's own is not needed.
    /// </summary>
    /// <param name="id">0: OPEN gets its id when it is sent.</param>
    internal void Begin(in OpenHeader open, uint id, in ReceiveWindow receiveWindow, SendWindow sendWindow)
    {
        _receiveWindow = receiveWindow;
        SendWindow = sendWindow;
        _life = new TunnelStream(this, open);
        SetId(id);
        FreshBytes = FairQueue<LiveStream>.FreshAllowance;
        TurnBytes = 0;
    }

    internal void SetId(uint id)
    {
        Id = id;
        Life.Id = id;
    }

    /// <summary>The user will not come back.</summary>
    internal void Release(TunnelStream life)
    {
        lock (Gate)
        {
            if (_life == life)
            {
                State.IsReleased = true;
                EndLifeIfOver();
            }
        }
    }

    /// <summary>The last thing that anybody does who may have ended the life. The lock is held.</summary>
    internal void EndLifeIfOver()
    {
        if (!State.IsReleased || !State.Halves.IsClosed || State.ResetToSend is not null || _isReading || _isFlushing)
        {
            return;
        }

        _life = null;
        Id = 0;
        State = default;
        streams.KeepSpare(this);
    }

    // ---- the user's -----------------------------------------------------------------------------

    internal bool HasReachedPeer(TunnelStream life)
    {
        lock (Gate)
        {
            return _life == life ? Id != 0 && streams.Replay.Acknowledged >= State.OpenEnd : life.Id != 0;
        }
    }

    internal bool TryPin(TunnelStream life)
    {
        lock (Gate)
        {
            bool isWanted = _life == life && IsWanted;
            State.IsPinned |= isWanted;
            return isWanted;
        }
    }

    internal void Abort(TunnelStream life, ResetCode code, string detail)
    {
        bool resume;
        bool wasAwaited;
        lock (Gate)
        {
            if (_life != life || State.Halves.IsClosed || State.Halves.ResetWasSent)
            {
                return;
            }

            wasAwaited = State.Halves.Receiving == HalfState.Open && FailInput(new StreamResetException(code, detail));
            if (Id == 0)
            {
                // The peer has never heard of it.
                resume = End(code);
                EndLifeIfOver();
            }
            else
            {
                life.SetResetCode(code);
                resume = StopSending();
                SendReset(State.AnswerOwed ?? code, State.AnswerOwed is null ? detail : "");
            }
        }

        Tell(wasAwaited, resume);
        streams.WakeWriter();
    }

    /// <summary>The user lets go of the stream; unless it finished its half, that is an abort.</summary>
    internal void Leave(TunnelStream life, bool isFinished)
    {
        lock (Gate)
        {
            if (_life != life)
            {
                return;
            }

            State.IsDisposed = true;
            isFinished &= State.AnswerOwed is null;
        }

        if (!isFinished)
        {
            Abort(life, ResetCode.Cancelled, "");
        }
    }

    /// <summary>One life's own. Guarded by the lock.</summary>
    internal struct LifeState
    {
        public OutgoingBuffer Outgoing;
        public StreamHalves Halves;

        /// <summary>The count of the sequence behind its OPEN; 0 while that has no place in it.</summary>
        public ulong OpenEnd;

        /// <summary>The user flushed for the first time: OPEN may go out even without bytes.</summary>
        public bool OpenIsWanted;

        /// <summary>The user completed its output: FIN goes with the last byte.</summary>
        public bool FinIsWanted;

        public TimeSpan LastSent;
        public uint CreditToSend;
        public (ResetCode Code, string Detail)? ResetToSend;

        /// <summary>
        /// The peer's RESET that we have yet to answer, because our user still works on this stream: the peer counts the
        /// slot until that work has stopped.
        /// </summary>
        public ResetCode? AnswerOwed;

        /// <summary>The peer broke the stream off before we did.</summary>
        public bool WasResetByPeer;

        /// <summary>It stays with the session when the link is lost, whether or not its OPEN has left.</summary>
        public bool IsPinned;

        // What the user received: how much of it is news, and whether it holds the result of a read, or wants no more.
        public long Unseen;
        public bool IsHeld;
        public bool ReadIsCanceled;
        public bool HasEnded;
        public StreamResetException? Failure;
        public bool IsCompleted;

        /// <summary>The user is through with the stream.</summary>
        public bool IsDisposed;

        /// <summary>The user will not come back.</summary>
        public bool IsReleased;

        /// <summary>Nothing of the session's or the process's memory counts for it any more.</summary>
        public bool HasReturnedMemory;
    }
}

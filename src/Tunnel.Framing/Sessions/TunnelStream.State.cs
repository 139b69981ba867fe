using System.Buffers;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>What stands behind the stream's lock, and what the loops of the session and its end do to it.</summary>
public sealed partial class TunnelStream : IFairQueueItem<TunnelStream>
{
    private ReceiveWindow _receiveWindow;

    /// <summary>
    /// Guards the stream: halves, windows, input, output. The session's lock (<see cref="SessionStreams.Gate"/>) may be taken
    /// with this one held, never the other way round; two streams' locks are never held at a time; no user code runs with it.
    /// </summary>
    internal Lock Gate { get; } = new();

    internal OutgoingBuffer Outgoing;

    internal SendWindow SendWindow;

    internal StreamHalves Halves;

    /// <summary>The count of the sequence behind its OPEN; 0 while that has no place in it.</summary>
    internal ulong OpenEnd { get; set; }

    /// <summary>The user flushed for the first time: OPEN may go out even without bytes.</summary>
    internal bool OpenIsWanted { get; set; }

    /// <summary>The user completed its output: FIN goes with the last byte.</summary>
    internal bool FinIsWanted { get; set; }

    internal uint CreditToSend { get; set; }

    internal ResetCode? ResetToSend { get; set; }

    internal string ResetDetail { get; set; } = "";

    internal TimeSpan LastSent { get; set; }

    /// <summary>
    /// The peer's RESET that we have yet to answer, because our user still works on this stream: the peer counts the
    /// slot until that work has stopped.
    /// </summary>
    internal ResetCode? AnswerOwed { get; private set; }

    /// <summary>The peer broke the stream off before we did.</summary>
    private bool WasResetByPeer { get; set; }

    /// <summary>It stays with the session when the link is lost, whether or not its OPEN has left.</summary>
    internal bool IsPinned { get; private set; }

    /// <summary>The user is through with the stream.</summary>
    internal bool IsDisposed { get; private set; }

    /// <summary>Nothing of the session's or the process's memory counts for it any more.</summary>
    private bool HasReturnedMemory { get; set; }

    // ---- guarded by the session's lock ----------------------------------------------------------

    /// <summary>Where it stands among the live ones: the <see cref="StreamTable"/>'s alone.</summary>
    internal int Place { get; set; }

    /// <summary>It waits among those with a RESET or a CREDIT to send.</summary>
    internal bool IsUrgent { get; set; }

    TunnelStream? IFairQueueItem<TunnelStream>.NextInQueue { get; set; }

    TunnelStream? IFairQueueItem<TunnelStream>.PreviousInQueue { get; set; }

    bool IFairQueueItem<TunnelStream>.IsQueued { get; set; }

    int IFairQueueItem<TunnelStream>.FreshBytes { get; set; } = FairQueue<TunnelStream>.FreshAllowance;

    int IFairQueueItem<TunnelStream>.TurnBytes { get; set; }

    // ---- the reader loop's ----------------------------------------------------------------------

    /// <summary>Takes what came with OPEN; nobody else knows the stream yet.</summary>
    internal void ReceiveFirst(in ReadOnlySequence<byte> bytes, bool fin)
    {
        _receiveWindow.Receive((int)bytes.Length);
        AppendInput(bytes, fin);
        if (fin)
        {
            // Nothing more comes: what a window promises need not be kept for it.
            Halves.FinReceived();
            _receiveWindow.ReturnBudget();
        }
    }

    /// <summary>Takes DATA. Returns whether the user waited for it; the caller owes it a <see cref="Wake"/> then.</summary>
    /// <exception cref="ProtocolViolationException">The half had ended, or the window is exceeded.</exception>
    internal bool Receive(in FrameHeader header, in ReadOnlySequence<byte> bytes)
    {
        lock (Gate)
        {
            if (Halves.Receiving != HalfState.Open)
            {
                throw new ProtocolViolationException(CloseCode.DataAfterEnd, $"DATA on stream {header.StreamId} after its half ended.");
            }

            _receiveWindow.Receive(header.Length);
            AppendInput(bytes, header.IsFin);
            if (header.IsFin)
            {
                Halves.FinReceived();
                CloseIfEnded();
            }

            GrantUnread();
            return (header.Length > 0 || header.IsFin) && TakeAwaited();
        }
    }

    internal void ReceiveReset(ResetCode code, string detail)
    {
        bool wasAwaited;
        bool resume;
        lock (Gate)
        {
            if (!Halves.ResetWasSent)
            {
                // Otherwise it is the answer to ours.
                WasResetByPeer = true;
                _streams.CountResetByPeer();
            }

            ResetEffect effect = Halves.ResetReceived();
            SetResetCode(code);
            wasAwaited = effect.FailsReceiving && FailInput(new StreamResetException(code, detail));
            resume = StopSending();
            if (effect.MustAnswer && IsDisposed)
            {
                SendReset(code, "");
            }
            else if (effect.MustAnswer)
            {
                AnswerOwed = code;
            }

            CloseIfEnded();
        }

        Tell(wasAwaited, resume);
        NotifyAborted();
        _streams.WakeWriter();
    }

    /// <summary>Returns false when our half has ended, and nothing needs credit any more.</summary>
    /// <exception cref="ProtocolViolationException">The window overflows.</exception>
    internal bool ReceiveCredit(uint bytes)
    {
        bool wake;
        lock (Gate)
        {
            if (Halves.Sending != HalfState.Open)
            {
                return false;
            }

            SendWindow.Grant(bytes);
            wake = _streams.Activate(this);
        }

        if (wake)
        {
            _streams.WakeWriter();
        }

        return true;
    }

    // ---- the end of the session or of its link --------------------------------------------------

    /// <summary>Tells the user that the session has ended the stream. No lock is held.</summary>
    /// <param name="resume">What <see cref="End"/> returned.</param>
    internal void TellEnd(ResetCode code, string detail, bool resume)
    {
        bool wasAwaited;
        lock (Gate)
        {
            wasAwaited = FailInput(new StreamResetException(code, detail));
        }

        Tell(wasAwaited, resume);
        NotifyAborted();
    }

    // ---- below: the lock is held ----------------------------------------------------------------

    /// <summary>Our half is open and the peer still wants it.</summary>
    internal bool IsWanted => Halves.Sending == HalfState.Open && AnswerOwed is null;

    /// <summary>The writer has something to do for this stream, window permitting.</summary>
    internal bool CanSend =>
        IsWanted
        && (Outgoing.WaitingBytes > 0 ? SendWindow.Available > 0 : FinIsWanted || (Id == 0 && OpenIsWanted));

    /// <summary>A flush of the user's waits for room.</summary>
    internal bool FlushWaits => _output.IsWaiting;

    /// <summary>A flush that waits has room again, and does not wait any more: the caller resumes it without the lock.</summary>
    internal bool TakeFlushWithRoom() =>
        Outgoing.RentedBytes <= _streams.Options.WaitingPerStream / 2 && _output.TakeWaiting();

    internal void ResumeFlush() => _output.Resume(isWanted: true);

    /// <summary>
    /// Ends the stream without a word to the peer, which does not know it or is not there any more. Returns whether a flush
    /// waited and is to be resumed.
    /// </summary>
    internal bool End(ResetCode code)
    {
        SetResetCode(code);
        Halves.Lost();
        bool resume = StopSending();
        CloseIfEnded();
        return resume;
    }

    internal void FinSent()
    {
        Halves.FinSent();
        StopPeerIfUnread();
        CloseIfEnded();
    }

    /// <summary>Once our own half has ended, a peer whose bytes nobody reads is told to stop.</summary>
    private void StopPeerIfUnread()
    {
        bool isUnread = _isCompleted && Halves is { Receiving: HalfState.Open, ResetWasSent: false };
        if (isUnread && Halves.Sending != HalfState.Open)
        {
            SendReset(Frames.ResetCode.Stop, "");
        }
    }

    /// <summary>
    /// What nobody will read is dropped and granted again, so that a peer that wants to finish is never stuck behind a
    /// user that does not read; it is stopped as soon as our own half has ended.
    /// </summary>
    private void GrantUnread()
    {
        bool isOpen = Halves is { Receiving: HalfState.Open, ResetWasSent: false };
        if (isOpen && _isCompleted && _receiveWindow.ConsumeAll())
        {
            // No growth for this: the round trip is not told.
            Grant(leastRoundTrip: null);
            _streams.WakeWriter();
        }
    }

    private void Grant(TimeSpan? leastRoundTrip)
    {
        CreditToSend += _receiveWindow.Grant(_streams.Clock.Now, leastRoundTrip);
        _streams.RequestUrgent(this);
    }

    private void SendReset(ResetCode code, string detail)
    {
        Halves.ResetSent();
        if (!WasResetByPeer)
        {
            _streams.CountResetHere();
        }

        ResetToSend = code == Frames.ResetCode.SessionLost ? Frames.ResetCode.InternalError : code;
        ResetDetail = detail;
        _streams.RequestUrgent(this);
        CloseIfEnded();
    }

    /// <summary>Nothing of the stream is sent any more. Returns whether its user waited for room and is to be resumed.</summary>
    private bool StopSending()
    {
        Outgoing.Drop();
        FinIsWanted = false;
        return _output.TakeWaiting();
    }

    private void CloseIfEnded()
    {
        if (Halves.IsClosed)
        {
            _streams.Remove(this);
            ReturnMemoryIfUnused();
        }
    }

    // Closed, and its user is through with what it received: it holds nothing any more.
    private void ReturnMemoryIfUnused()
    {
        if (_isCompleted && !HasReturnedMemory)
        {
            HasReturnedMemory = true;
            _receiveWindow.ReturnBudget();
            _streams.Options.ProcessMemory?.Closed(Open.Visitor);
        }
    }
}

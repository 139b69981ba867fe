using System.Buffers;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>What the loops of the session and its end do with a stream.</summary>
internal sealed partial class LiveStream
{
    // ---- the reader loop's ----------------------------------------------------------------------

    /// <summary>Takes what came with OPEN; nobody else knows the stream yet.</summary>
    internal void ReceiveFirst(in ReadOnlySequence<byte> bytes, bool fin)
    {
        _receiveWindow.Receive((int)bytes.Length);
        AppendInput(bytes, fin);
        if (fin)
        {
            // Nothing more comes: what a window promises need not be kept for it.
            State.Halves.FinReceived();
            _receiveWindow.ReturnBudget();
        }
    }

    /// <summary>Takes DATA. Returns whether the user waited for it; the caller owes it a <see cref="Wake"/> then.</summary>
    /// <exception cref="ProtocolViolationException">The half had ended, or the window is exceeded.</exception>
    internal bool Receive(in FrameHeader header, in ReadOnlySequence<byte> bytes)
    {
        lock (Gate)
        {
            if (Id != header.StreamId)
            {
                return false;
            }

            if (State.Halves.Receiving != HalfState.Open)
            {
                throw new ProtocolViolationException(CloseCode.DataAfterEnd, $"DATA on stream {header.StreamId} after its half ended.");
            }

            _receiveWindow.Receive(header.Length);
            AppendInput(bytes, header.IsFin);
            if (header.IsFin)
            {
                State.Halves.FinReceived();
                CloseIfEnded();
            }

            GrantUnread();
            bool wasAwaited = (header.Length > 0 || header.IsFin) && TakeAwaited();
            EndLifeIfOver();
            return wasAwaited;
        }
    }

    internal void ReceiveReset(uint id, ResetCode code, string detail)
    {
        TunnelStream life;
        bool wasAwaited;
        bool resume;
        lock (Gate)
        {
            if (Id != id)
            {
                return;
            }

            life = Life;
            if (!State.Halves.ResetWasSent)
            {
                // Otherwise it is the answer to ours.
                State.WasResetByPeer = true;
                streams.CountResetByPeer();
            }

            ResetEffect effect = State.Halves.ResetReceived();
            life.SetResetCode(code);
            wasAwaited = effect.FailsReceiving && FailInput(new StreamResetException(code, detail));
            resume = StopSending();
            if (effect.MustAnswer && State.IsDisposed)
            {
                SendReset(code, "");
            }
            else if (effect.MustAnswer)
            {
                State.AnswerOwed = code;
            }

            CloseIfEnded();
            EndLifeIfOver();
        }

        Tell(wasAwaited, resume);
        life.NotifyAborted();
        streams.WakeWriter();
    }

    /// <summary>Returns false when our half has ended, and nothing needs credit any more.</summary>
    /// <exception cref="ProtocolViolationException">The window overflows.</exception>
    internal bool ReceiveCredit(uint id, uint bytes)
    {
        bool wake;
        lock (Gate)
        {
            if (Id != id || State.Halves.Sending != HalfState.Open)
            {
                return false;
            }

            SendWindow.Grant(bytes);
            wake = streams.Activate(this);
        }

        if (wake)
        {
            streams.WakeWriter();
        }

        return true;
    }

    // ---- the end of the session or of its link --------------------------------------------------

    /// <summary>Tells the user that the session has ended the stream. No lock is held.</summary>
    /// <param name="resume">What <see cref="End"/> returned.</param>
    internal void TellEnd(TunnelStream life, ResetCode code, string detail, bool resume)
    {
        bool wasAwaited;
        lock (Gate)
        {
            wasAwaited = _life == life && FailInput(new StreamResetException(code, detail));
            if (_life == life)
            {
                EndLifeIfOver();
            }
        }

        Tell(wasAwaited, resume);
        life.NotifyAborted();
    }

    // Without the lock: the user goes on, perhaps at once.
    private void Tell(bool wasAwaited, bool resume)
    {
        if (wasAwaited)
        {
            CompleteRead(mostInline: 0);
        }

        if (resume)
        {
            ResumeFlush(isWanted: false);
        }
    }

    // ---- below: the lock is held ----------------------------------------------------------------

    /// <summary>Our half is open and the peer still wants it.</summary>
    internal bool IsWanted => State.Halves.Sending == HalfState.Open && State.AnswerOwed is null;

    /// <summary>The writer has something to do for this stream, window permitting.</summary>
    internal bool CanSend =>
        IsWanted
        && (State.Outgoing.WaitingBytes > 0 ? SendWindow.Available > 0 : State.FinIsWanted || (Id == 0 && State.OpenIsWanted));

    /// <summary>
    /// Ends the stream without a word to the peer, which does not know it or is not there any more. Returns whether a flush
    /// waited and is to be resumed.
    /// </summary>
    internal bool End(ResetCode code)
    {
        Life.SetResetCode(code);
        State.Halves.Lost();
        bool resume = StopSending();
        CloseIfEnded();
        return resume;
    }

    internal void FinSent()
    {
        State.Halves.FinSent();
        StopPeerIfUnread();
        CloseIfEnded();
    }

    /// <summary>Once our own half has ended, a peer whose bytes nobody reads is told to stop.</summary>
    private void StopPeerIfUnread()
    {
        bool isUnread = State.IsCompleted && State.Halves is { Receiving: HalfState.Open, ResetWasSent: false };
        if (isUnread && State.Halves.Sending != HalfState.Open)
        {
            SendReset(ResetCode.Stop, "");
        }
    }

    /// <summary>
    /// What nobody will read is dropped and granted again, so that a peer that wants to finish is never stuck behind a
    /// user that does not read; it is stopped as soon as our own half has ended.
    /// </summary>
    private void GrantUnread()
    {
        bool isOpen = State.Halves is { Receiving: HalfState.Open, ResetWasSent: false };
        if (isOpen && State.IsCompleted && _receiveWindow.ConsumeAll())
        {
            // No growth for this: the round trip is not told.
            Grant(leastRoundTrip: null);
            streams.WakeWriter();
        }
    }

    private void Grant(TimeSpan? leastRoundTrip)
    {
        State.CreditToSend += _receiveWindow.Grant(streams.Clock.Now, leastRoundTrip);
        streams.RequestUrgent(this);
    }

    private void SendReset(ResetCode code, string detail)
    {
        State.Halves.ResetSent();
        if (!State.WasResetByPeer)
        {
            streams.CountResetHere();
        }

        State.ResetToSend = (code == ResetCode.SessionLost ? ResetCode.InternalError : code, detail);
        streams.RequestUrgent(this);
        CloseIfEnded();
    }

    /// <summary>Nothing of the stream is sent any more. Returns whether its user waited for room and is to be resumed.</summary>
    private bool StopSending()
    {
        State.Outgoing.Drop();
        State.FinIsWanted = false;
        return TakeFlush();
    }

    private void CloseIfEnded()
    {
        if (State.Halves.IsClosed)
        {
            streams.Remove(this);
            ReturnMemoryIfUnused();
        }
    }

    // Closed, and its user is through with what it received: it holds nothing any more.
    private void ReturnMemoryIfUnused()
    {
        if (State.IsCompleted && !State.HasReturnedMemory)
        {
            State.HasReturnedMemory = true;
            _receiveWindow.ReturnBudget();
            streams.Options.ProcessMemory?.Closed(Open.Visitor);
        }
    }
}

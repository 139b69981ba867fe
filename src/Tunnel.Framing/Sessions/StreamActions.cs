using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>What the user of a stream does with it. Safe from any thread; takes the session's lock.</summary>
internal sealed class StreamActions(SessionStreams streams)
{
    /// <summary>What the user wrote may be sent; with <paramref name="isLast"/>, FIN goes behind it.</summary>
    public PublishOutcome Publish(TunnelStream stream, ref OutgoingDraft draft, bool isLast)
    {
        bool wake;
        bool resume;
        PublishOutcome outcome;
        lock (streams.Gate)
        {
            if (!stream.IsWanted || streams.IsClosed)
            {
                stream.Outgoing.Drop();
                stream.Outgoing.Publish(ref draft);
                return PublishOutcome.NotWanted;
            }

            stream.Outgoing.Publish(ref draft);

            stream.FinIsWanted |= isLast;
            stream.OpenIsWanted = true;
            wake = streams.Activate(stream);

            // Nobody flushes after the last, so nobody would ask for a flush that still waits.
            resume = isLast && stream.Out.TakeWaiting();
            stream.Out.IsWaiting = !isLast && stream.Outgoing.RentedBytes >= streams.Options.WaitingPerStream;
            outcome = stream.Out.IsWaiting ? PublishOutcome.MustWait : PublishOutcome.Accepted;
        }

        if (wake)
        {
            streams.WakeWriterForUser();
        }

        if (resume)
        {
            stream.Out.Resume(isWanted: true);
        }

        return outcome;
    }

    /// <inheritdoc cref="TunnelStream.TryPin"/>
    public bool TryPin(TunnelStream stream)
    {
        lock (streams.Gate)
        {
            stream.IsPinned |= stream.IsWanted;
            return stream.IsWanted;
        }
    }

    /// <inheritdoc cref="TunnelStream.HasReachedPeer"/>
    public bool HasReachedPeer(TunnelStream stream)
    {
        lock (streams.Gate)
        {
            return stream.Id != 0 && streams.Replay.Acknowledged >= stream.OpenEnd;
        }
    }

    /// <summary>The user no longer waits for room. Returns false when nobody was waiting.</summary>
    public bool StopWaiting(TunnelStream stream)
    {
        lock (streams.Gate)
        {
            return stream.Out.TakeWaiting();
        }
    }

    /// <summary>The user took bytes off its input; or took less than it saw, and cannot go on without more.</summary>
    public void Consumed(TunnelStream stream, int bytes, bool wantsMore)
    {
        if (stream.HasAllReceived)
        {
            return;
        }

        lock (streams.Gate)
        {
            if (stream.Halves.Receiving != HalfState.Open
                || stream.Halves.ResetWasSent
                || !stream.ReceiveWindow.Consume(bytes, wantsMore))
            {
                return;
            }

            stream.CreditToSend += stream.ReceiveWindow.Grant(streams.Clock.Now, streams.Clock.LeastRoundTrip);
            streams.Queue.RequestUrgent(stream);
        }

        streams.WakeWriter();
    }

    /// <summary>The user reads no more. Once our own half has ended, the peer is told to stop.</summary>
    public void InputCompleted(TunnelStream stream)
    {
        lock (streams.Gate)
        {
            if (stream.Halves.IsClosed)
            {
                streams.ReturnMemory(stream);
                return;
            }

            streams.StopPeerIfUnread(stream);
            streams.GrantUnread(stream);
        }

        streams.WakeWriter();
    }

    /// <summary>The user lets go of the stream; unless it finished its half, that is an abort.</summary>
    public void Leave(TunnelStream stream, bool isFinished)
    {
        lock (streams.Gate)
        {
            stream.IsDisposed = true;
            isFinished &= stream.AnswerOwed is null;
        }

        if (!isFinished)
        {
            Abort(stream, ResetCode.Cancelled, "");
        }
    }

    public void Abort(TunnelStream stream, ResetCode code, string detail)
    {
        bool failInput = false;
        bool resume = false;
        StreamEnding unknownToPeer = default;
        lock (streams.Gate)
        {
            if (stream.Halves.IsClosed || stream.Halves.ResetWasSent)
            {
                return;
            }

            if (stream.Id == 0)
            {
                unknownToPeer = streams.EndHere([stream], code);
            }
            else
            {
                stream.SetResetCode(code);
                resume = SessionStreams.StopSending(stream);
                failInput = stream.Halves.Receiving == HalfState.Open;
                if (stream.AnswerOwed is { } owed)
                {
                    streams.SendReset(stream, owed, "");
                }
                else
                {
                    streams.SendReset(stream, code, detail);
                }
            }
        }

        if (unknownToPeer.Ended is not null)
        {
            unknownToPeer.Tell(code, detail, isAsked: true);
            return;
        }

        if (failInput)
        {
            stream.In.Fail(new StreamResetException(code, detail));
        }

        if (resume)
        {
            stream.Out.Resume(isWanted: false);
        }

        streams.WakeWriter();
    }
}

/// <summary>What became of flushed bytes.</summary>
internal enum PublishOutcome
{
    Accepted,

    /// <summary>Accepted, and the user waits until there is room.</summary>
    MustWait,

    /// <summary>Dropped: this half has ended.</summary>
    NotWanted,
}

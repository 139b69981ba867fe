using System.Buffers;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>What the reader loop reports of the link and of the session's own frames: one method per kind.</summary>
internal sealed class SessionArrivals(Session session, SessionClock clock, SessionPulse pulse, Farewell farewell)
{
    // Something of ours was acknowledged in this batch.
    private bool _isAcknowledged;

    private SessionStreams Streams => session.Streams;

    /// <summary>Bytes came: the peer lives.</summary>
    public void OnBytes() => pulse.OnBytes();

    /// <summary>A whole frame is about to be handled.</summary>
    public void OnFrame(in FrameHeader header) => Streams.Received.Add(header);

    /// <summary>
    /// All that had arrived is handled: an ACK may be due, what the peer has acknowledged may go, and the session may be over.
    /// </summary>
    /// <exception cref="ProtocolViolationException">The peer sends and sends, and acknowledges nothing.</exception>
    public void OnBatch()
    {
        Streams.AckPatience.OnArrival(clock.Now, Streams.Replay.Acknowledged, Streams.Replay.IsAckAwaited);
        bool isAcknowledged = _isAcknowledged;
        _isAcknowledged = false;
        if (Streams.Received.IsDue || (isAcknowledged && Streams.Replay.WantsForget))
        {
            session.WriterSignal.Set();
        }
        else if (Streams.Received.HasNews)
        {
            // The writer's turn for this ACK is also the one in which it lets go of what was acknowledged.
            pulse.AcknowledgeSoon();
        }
        else if (isAcknowledged)
        {
            session.WriterSignal.Set();
        }

        session.CloseIfDrained();
    }

    /// <exception cref="ProtocolViolationException">The count goes back, is above what was sent, or it is a flood.</exception>
    public void OnAck(ulong count)
    {
        if (Streams.Replay.Acknowledge(count))
        {
            _isAcknowledged = true;
        }
        else
        {
            Streams.CountFlood();
        }
    }

    /// <exception cref="ProtocolViolationException">It is a flood.</exception>
    public void OnPing(ulong number)
    {
        lock (Streams.Gate)
        {
            Streams.Flood.Count(clock.Now);
            Streams.Queue.RequestPong(number);
        }

        session.WriterSignal.Set();
    }

    /// <exception cref="ProtocolViolationException">It is a flood.</exception>
    public void OnPong(ulong number)
    {
        Streams.CountFlood();
        pulse.OnPong(number);
    }

    /// <exception cref="ProtocolViolationException">It is a flood, or the payload breaks a rule.</exception>
    public void OnMessage(FrameKind kind, in ReadOnlySequence<byte> payload)
    {
        Streams.CountFlood();
        session.User.OnMessage(kind, payload);
    }

    /// <exception cref="ProtocolViolationException">It is not the first.</exception>
    public void OnGoAway(GoAwayMessage message)
    {
        farewell.Receive(message);
        session.User.OnGoAway(message);
    }
}

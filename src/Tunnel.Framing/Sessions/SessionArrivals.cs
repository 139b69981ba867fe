using System.Buffers;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>What the reader loop reports of the link and of the session's own frames: one method per kind.</summary>
internal sealed class SessionArrivals(Session session, SessionClock clock, SessionPulse pulse, Farewell farewell)
{
    private SessionStreams Streams => session.Streams;

    /// <summary>Bytes came: the peer lives.</summary>
    public void OnBytes() => pulse.OnBytes();

    /// <summary>A whole frame is about to be handled.</summary>
    public void OnFrame(in FrameHeader header)
    {
        if (header.IsSequenced)
        {
            lock (Streams.Gate)
            {
                Streams.Received.Add(header);
            }
        }
    }

    /// <summary>All that had arrived is handled: an ACK may be due, and the session may be over.</summary>
    /// <exception cref="ProtocolViolationException">The peer sends and sends, and acknowledges nothing.</exception>
    public void OnBatch()
    {
        bool wake;
        bool soon;
        lock (Streams.Gate)
        {
            Streams.AckPatience.OnArrival(clock.Now, Streams.Replay.Acknowledged, Streams.Replay.IsAckAwaited);
            wake = Streams.Received.IsDue;
            soon = Streams.Received.HasNews;
        }

        if (wake)
        {
            session.WriterSignal.Set();
        }
        else if (soon)
        {
            pulse.AcknowledgeSoon();
        }

        session.CloseIfDrained();
    }

    /// <exception cref="ProtocolViolationException">The count is none that can be acknowledged, or it is a flood.</exception>
    public void OnAck(ulong count)
    {
        bool wasFull;
        lock (Streams.Gate)
        {
            wasFull = Streams.ReplayIsFull;
            if (!Streams.Replay.Acknowledge(count))
            {
                Streams.Flood.Count(clock.Now);
            }
        }

        if (wasFull)
        {
            session.WriterSignal.Set();
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
        CountAgainstFlood();
        pulse.OnPong(number);
    }

    /// <exception cref="ProtocolViolationException">It is a flood, or the payload breaks a rule.</exception>
    public void OnMessage(FrameKind kind, in ReadOnlySequence<byte> payload)
    {
        CountAgainstFlood();
        session.User.OnMessage(kind, payload);
    }

    /// <exception cref="ProtocolViolationException">It is not the first.</exception>
    public void OnGoAway(GoAwayMessage message)
    {
        farewell.Receive(message);
        session.User.OnGoAway(message);
    }

    private void CountAgainstFlood()
    {
        lock (Streams.Gate)
        {
            Streams.Flood.Count(clock.Now);
        }
    }
}

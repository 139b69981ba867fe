using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The only loop that reads from the link. Hands every whole frame to the session and every payload to its stream;
/// waits for nobody, because credit guarantees the room.
/// </summary>
internal sealed class SessionReader(Session session, SessionPulse pulse, Farewell farewell, StreamArrivals arrivals)
{
    /// <summary>After so many reads that did not have to wait, other work of this thread gets its turn.</summary>
    private const int MostInARow = 16;

    // Streams whose users waited for what this batch had: they go on when all of it has been handled.
    private readonly List<LiveStream> _awaited = [];

    // Something of ours was acknowledged in this batch.
    private bool _isAcknowledged;

    private SessionStreams Streams => session.Streams;

    private LinkRole Sender => session.Role == LinkRole.Server ? LinkRole.Agent : LinkRole.Server;

    /// <summary>Runs until CLOSE, the end of the link, a violation (thrown), or <paramref name="stop"/>.</summary>
    /// <returns>The peer's CLOSE, or null when the link ended without one.</returns>
    public async Task<SessionEnd?> RunAsync(PipeReader link, CancellationToken stop)
    {
        int inARow = 0;
        while (true)
        {
            ValueTask<ReadResult> reading = link.ReadAsync(stop);
            inARow = reading.IsCompleted ? inARow + 1 : 0;
            ReadResult result = await reading;
            if (inARow == MostInARow)
            {
                // The thread may be one that waits for other sockets, too. From here on it is one of the pool.
                await Task.Yield();
            }

            ReadOnlySequence<byte> buffer = result.Buffer;
            SessionEnd? close = null;
            if (!buffer.IsEmpty)
            {
                pulse.OnBytes();
            }

            try
            {
                while (close is null && FrameReader.TryRead(ref buffer, Sender, out FrameHeader header, out ReadOnlySequence<byte> payload))
                {
                    close = Handle(header, payload);
                }
            }
            finally
            {
                WakeAwaited();
                link.AdvanceTo(buffer.Start, buffer.End);
            }

            EndBatch();
            if (close is not null || result.IsCompleted)
            {
                return close;
            }
        }
    }

    private SessionEnd? Handle(in FrameHeader header, in ReadOnlySequence<byte> payload)
    {
        Streams.Received.Add(header);
        switch (header.Kind)
        {
            case FrameKind.Open:
                HandleOpen(header, payload);
                return null;
            case FrameKind.Data:
                if (arrivals.OnData(header, payload) is { } awaited)
                {
                    _awaited.Add(awaited);
                }

                return null;
            case FrameKind.Reset:
                (ushort wire, string detail) = CodeAndSentence.Read(payload);
                arrivals.OnReset(header.StreamId, ResetCodes.FromWire(wire), detail);
                return null;
            case FrameKind.Credit:
                arrivals.OnCredit(header.StreamId, ReadUInt32(payload));
                return null;
            case FrameKind.Ack when Streams.Replay.Acknowledge(ReadUInt64(payload)):
                _isAcknowledged = true;
                return null;
            case FrameKind.Ack:
                Streams.CountFlood();
                return null;
            case FrameKind.Ping:
                HandlePing(ReadUInt64(payload));
                return null;
            case FrameKind.Pong:
                Streams.CountFlood();
                pulse.OnPong(ReadUInt64(payload));
                return null;
            case FrameKind.GoAway:
                GoAwayMessage goAway = JsonMessages.Read<GoAwayMessage>(payload);
                farewell.Receive(goAway);
                session.User.OnGoAway(goAway);
                arrivals.End();
                return null;
            case FrameKind.Bind or FrameKind.Bound or FrameKind.Unbind or FrameKind.Unbound:
                Streams.CountFlood();
                session.User.OnMessage(header.Kind, payload);
                return null;
            case FrameKind.Close:
                (ushort code, string sentence) = CodeAndSentence.Read(payload);
                return new SessionEnd(SessionEndKind.ClosedByPeer, (CloseCode)code, sentence);
            default:
                throw new ProtocolViolationException(CloseCode.UnexpectedFrame, $"{header.Kind} after the handshake.");
        }
    }

    private void HandleOpen(in FrameHeader header, in ReadOnlySequence<byte> payload)
    {
        OpenHeader open = OpenHeader.Read(payload, out ReadOnlySequence<byte> bytes);
        if (arrivals.OnOpen(header, open, bytes) is { } stream)
        {
            try
            {
                session.User.OnStream(stream.Life);
            }
            catch
            {
                // Nobody has taken it, and the session is about to end by this fault.
                stream.Life.Dispose();
                throw;
            }
        }
    }

    private void HandlePing(ulong number)
    {
        lock (Streams.Gate)
        {
            Streams.Flood.Count(Streams.Clock.Now);
            Streams.Queue.RequestPong(number);
        }

        session.WriterSignal.Set();
    }

    // All that had arrived is handled: an ACK may be due, what the peer has acknowledged may go, and the session may be over.
    private void EndBatch()
    {
        Streams.AckPatience.OnArrival(Streams.Clock.Now, Streams.Replay.Acknowledged, Streams.Replay.IsAckAwaited);
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

    private void WakeAwaited()
    {
        foreach (LiveStream stream in _awaited)
        {
            stream.Wake(isAlone: _awaited.Count == 1);
        }

        _awaited.Clear();
    }

    private static uint ReadUInt32(in ReadOnlySequence<byte> payload)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        payload.CopyTo(bytes);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    private static ulong ReadUInt64(in ReadOnlySequence<byte> payload)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        payload.CopyTo(bytes);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }
}

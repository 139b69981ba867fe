using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The only loop that reads from the link. Hands every whole frame to the session and every payload to its stream;
/// waits for nobody, because credit guarantees the room.
/// </summary>
internal sealed class SessionReader(Session session, StreamArrivals arrivals)
{
    // Streams that got bytes in this batch: their users are woken once, not per frame.
    private readonly List<TunnelStream> _fed = [];

    private LinkRole Sender => session.Role == LinkRole.Server ? LinkRole.Agent : LinkRole.Server;

    /// <summary>Runs until CLOSE, the end of the link, a violation (thrown), or <paramref name="stop"/>.</summary>
    /// <returns>The peer's CLOSE, or null when the link ended without one.</returns>
    public async Task<SessionEnd?> RunAsync(PipeReader link, CancellationToken stop)
    {
        while (true)
        {
            ReadResult result = await link.ReadAsync(stop);
            ReadOnlySequence<byte> buffer = result.Buffer;
            SessionEnd? close = null;
            if (!buffer.IsEmpty)
            {
                session.OnBytes();
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
                WakeFed();
                link.AdvanceTo(buffer.Start, buffer.End);
            }

            session.OnBatch();
            if (close is not null || result.IsCompleted)
            {
                return close;
            }
        }
    }

    private SessionEnd? Handle(in FrameHeader header, in ReadOnlySequence<byte> payload)
    {
        session.OnFrame(header);
        switch (header.Kind)
        {
            case FrameKind.Open:
                HandleOpen(header, payload);
                return null;
            case FrameKind.Data:
                HandleData(header, payload);
                return null;
            case FrameKind.Reset:
                HandleReset(header, payload);
                return null;
            case FrameKind.Credit:
                arrivals.OnCredit(header.StreamId, ReadUInt32(payload));
                return null;
            case FrameKind.Ack:
                session.OnAck(ReadUInt64(payload));
                return null;
            case FrameKind.Ping:
                session.OnPing(ReadUInt64(payload));
                return null;
            case FrameKind.Pong:
                session.OnPong(ReadUInt64(payload));
                return null;
            case FrameKind.GoAway:
                session.OnGoAway(JsonMessages.Read<GoAwayMessage>(payload));
                arrivals.End();
                return null;
            case FrameKind.Bind or FrameKind.Bound or FrameKind.Unbind:
                session.OnMessage(header.Kind, payload);
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
        if (arrivals.OnOpen(header, open, (int)bytes.Length) is { } stream)
        {
            Feed(stream, bytes, header.IsFin);
            try
            {
                session.User.OnStream(stream);
            }
            catch
            {
                // Nobody has taken it, and the session is about to end by this fault.
                stream.Dispose();
                throw;
            }
        }
    }

    private void HandleData(in FrameHeader header, in ReadOnlySequence<byte> payload)
    {
        if (arrivals.OnData(header) is { } stream)
        {
            Feed(stream, payload, header.IsFin);
        }
    }

    private void HandleReset(in FrameHeader header, in ReadOnlySequence<byte> payload)
    {
        (ushort wire, string detail) = CodeAndSentence.Read(payload);
        ResetCode code = ResetCodes.FromWire(wire);
        if (arrivals.OnReset(header.StreamId, code) is { } stream)
        {
            stream.IsFed = false;
            stream.In.Writer.Complete(new StreamResetException(code, detail));
        }
    }

    private void Feed(TunnelStream stream, in ReadOnlySequence<byte> bytes, bool fin)
    {
        PipeWriter writer = stream.In.Writer;
        if (!bytes.IsEmpty && !stream.In.IsUnwanted)
        {
            foreach (ReadOnlyMemory<byte> segment in bytes)
            {
                writer.Write(segment.Span);
            }

            if (!stream.IsFed)
            {
                stream.IsFed = true;
                _fed.Add(stream);
            }
        }

        if (fin)
        {
            // Completing also publishes what was written before it.
            stream.IsFed = false;
            writer.Complete();
        }
    }

    private void WakeFed()
    {
        foreach (TunnelStream stream in _fed)
        {
            if (!stream.IsFed)
            {
                continue;
            }

            // Completes at once: the pipe has no limit of its own.
            stream.IsFed = false;
            ValueTask<FlushResult> flush = stream.In.Writer.FlushAsync(CancellationToken.None);
            if (!flush.IsCompletedSuccessfully)
            {
                throw new InvalidOperationException("A stream's pipe made its writer wait.");
            }
        }

        _fed.Clear();
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

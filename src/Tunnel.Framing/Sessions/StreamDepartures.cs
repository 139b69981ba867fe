using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;

namespace Tunnel.Framing.Sessions;

/// <summary>A frame that has its place in the sequence; its bytes are copied to the link after the lock is let go.</summary>
internal readonly record struct TakenFrame(FrameHeader Header, TunnelStream? Opens, ReadOnlyMemory<byte> Bytes, OutgoingChunk? Chunk);

/// <summary>What the writer loop takes from streams. The caller holds the session's lock.</summary>
internal sealed class StreamDepartures(SessionStreams streams, SentSequence sent)
{
    /// <summary>The next frame in fair turns; it has its place in the sequence, an OPEN its id, from here on.</summary>
    public bool TryTakeFrame(out TakenFrame frame)
    {
        while (streams.Queue.Streams.Take() is { } stream)
        {
            if (stream.CanSend)
            {
                frame = TakeFrame(stream);
                return true;
            }
        }

        frame = default;
        return false;
    }

    /// <summary>Moves out the streams whose users can go on flushing; their waiting is over.</summary>
    public void TakeResumed(List<TunnelStream> resumed)
    {
        resumed.AddRange(streams.Resumed);
        streams.Resumed.Clear();
    }

    private TakenFrame TakeFrame(TunnelStream stream)
    {
        bool opens = stream.Id == 0;
        if (opens)
        {
            streams.Table.AssignId(stream);
            streams.Flood.StreamOpened();
        }

        int headerBytes = opens ? stream.Open.Size : 0;
        (OutgoingChunk? chunk, ReadOnlyMemory<byte> bytes) = stream.Outgoing.Take(
            Math.Min(ProtocolLimits.SentPayload - headerBytes, stream.SendWindow.Available));
        stream.SendWindow.Take(bytes.Length);
        bool fin = stream.FinIsWanted && stream.Outgoing.WaitingBytes == 0;
        var header = new FrameHeader(
            stream.Id, opens ? FrameKind.Open : FrameKind.Data, headerBytes + bytes.Length, fin);
        sent.Add(header);
        streams.Queue.Streams.Sent(stream, header.FrameSize);
        stream.LastSent = streams.Clock.Now;

        if (fin)
        {
            stream.Halves.FinSent();
            streams.StopPeerIfUnread(stream);
            streams.CloseIfEnded(stream);
        }
        else if (stream.CanSend)
        {
            streams.Queue.Streams.Add(stream);
        }

        if (stream.Outgoing.RentedBytes <= streams.Options.WaitingPerStream / 2 && stream.Out.TakeWaiting())
        {
            streams.Resumed.Add(stream);
        }

        return new TakenFrame(header, opens ? stream : null, bytes, chunk);
    }
}

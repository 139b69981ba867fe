using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;

namespace Tunnel.Framing.Sessions;

/// <summary>What the writer loop takes from streams. The caller holds the session's lock.</summary>
internal sealed class StreamDepartures(SessionStreams streams, ReplayBuffer replay)
{
    /// <summary>
    /// Gives the next frame in fair turns its place in the sequence, and an OPEN its id. False when no stream may send
    /// now.
    /// </summary>
    public bool TakeFrame()
    {
        if (replay.MustWait())
        {
            return false;
        }

        while (streams.Queue.Streams.Take() is { } stream)
        {
            if (stream.CanSend)
            {
                TakeFrame(stream);
                return true;
            }
        }

        return false;
    }

    /// <summary>Moves out the streams whose users can go on flushing; their waiting is over.</summary>
    public void TakeResumed(List<TunnelStream> resumed)
    {
        resumed.AddRange(streams.Resumed);
        streams.Resumed.Clear();
    }

    private void TakeFrame(TunnelStream stream)
    {
        bool opens = stream.Id == 0;
        if (opens)
        {
            streams.Table.AssignId(stream);
            streams.TellIfOpensHaveLeft();
            streams.Flood.StreamOpened();
        }

        int headerBytes = opens ? stream.Open.Size : 0;
        (OutgoingChunk? chunk, ReadOnlyMemory<byte> bytes) = stream.Outgoing.Take(
            Math.Min(ProtocolLimits.SentPayload - headerBytes, stream.SendWindow.Available));
        stream.SendWindow.Take(bytes.Length);
        bool fin = stream.FinIsWanted && stream.Outgoing.WaitingBytes == 0;
        var header = new FrameHeader(
            stream.Id, opens ? FrameKind.Open : FrameKind.Data, headerBytes + bytes.Length, fin);
        replay.Append(header, opens ? stream.Open : null, bytes, chunk);
        if (opens)
        {
            stream.OpenEnd = replay.Count;
        }

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
    }
}

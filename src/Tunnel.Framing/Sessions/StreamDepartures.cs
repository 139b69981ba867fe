using System.Buffers.Binary;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;

namespace Tunnel.Framing.Sessions;

/// <summary>What the writer loop takes from streams: that loop's alone.</summary>
internal sealed class StreamDepartures(SessionStreams streams)
{
    private readonly List<LiveStream> _urgent = [];
    private readonly List<LiveStream> _resumed = [];

    private ReplayBuffer Replay => streams.Replay;

    /// <summary>
    /// Gives its place in the sequence to what is urgent, to the session's messages, and, in fair turns, to frames of streams
    /// until so many bytes are unsent. Users that waited for room go on. No lock is held.
    /// </summary>
    /// <exception cref="ProtocolViolationException">The peer acknowledged a part of a frame.</exception>
    public void Take(ulong most)
    {
        LiveStream? next;
        lock (streams.Gate)
        {
            next = TakeNext(most);
        }

        try
        {
            while (next is not null || _urgent.Count > 0)
            {
                next = next is null ? AppendUrgent(most) : AppendFrame(next, most);
            }
        }
        finally
        {
            // Their waits were taken, and nobody else would end them.
            _resumed.ForEach(static stream => stream.ResumeFlush(isWanted: true));
            _resumed.Clear();
        }
    }

    // The session's lock is held. Whatever else waits by now goes ahead of the next stream: a slot may be free because of a RESET,
    // and a tunnel served because of a message. Null when there is nothing but what is urgent, or nothing at all.
    private LiveStream? TakeNext(ulong most)
    {
        streams.Queue.TakeUrgent(_urgent);
        if (_urgent.Count > 0)
        {
            return null;
        }

        streams.Queue.AppendMessages();
        return Replay.Unsent < most && !Replay.MustWait() ? streams.Queue.Streams.Take() : null;
    }

    private LiveStream? AppendUrgent(ulong most)
    {
        foreach (LiveStream stream in _urgent)
        {
            lock (stream.Gate)
            {
                AppendUrgent(stream);
            }
        }

        _urgent.Clear();
        lock (streams.Gate)
        {
            return TakeNext(most);
        }
    }

    private LiveStream? AppendFrame(LiveStream stream, ulong most)
    {
        lock (stream.Gate)
        {
            LiveStream? next;
            int bytes = stream.CanSend ? AppendFrame(stream) : 0;
            lock (streams.Gate)
            {
                streams.Queue.Streams.Sent(stream, bytes);
                if (stream.CanSend)
                {
                    streams.Queue.Streams.Add(stream);
                }

                next = TakeNext(most);
            }

            stream.EndLifeIfOver();
            return next;
        }
    }

    // ---- below: the stream's lock is held -------------------------------------------------------

    private int AppendFrame(LiveStream stream)
    {
        bool opens = stream.Id == 0;
        if (opens)
        {
            streams.AssignId(stream);
        }

        int headerBytes = opens ? stream.Open.Size : 0;
        (OutgoingChunk? chunk, ReadOnlyMemory<byte> bytes) = stream.State.Outgoing.Take(
            Math.Min(ProtocolLimits.SentPayload - headerBytes, stream.SendWindow.Available));
        stream.SendWindow.Take(bytes.Length);
        bool fin = stream.State.FinIsWanted && stream.State.Outgoing.WaitingBytes == 0;
        var header = new FrameHeader(
            stream.Id, opens ? FrameKind.Open : FrameKind.Data, headerBytes + bytes.Length, fin);
        Replay.Append(header, opens ? stream.Open : null, bytes, chunk);
        if (opens)
        {
            stream.State.OpenEnd = Replay.Count;
        }

        stream.State.LastSent = streams.Clock.Now;
        if (fin)
        {
            stream.FinSent();
        }

        if (stream.TakeFlushWithRoom())
        {
            _resumed.Add(stream);
        }

        return header.FrameSize;
    }

    private void AppendUrgent(LiveStream stream)
    {
        if (stream.State.CreditToSend > 0 && stream.State.Halves is { Receiving: HalfState.Open, ResetWasSent: false })
        {
            Span<byte> payload = Replay.Append(new FrameHeader(stream.Id, FrameKind.Credit, sizeof(uint)));
            BinaryPrimitives.WriteUInt32BigEndian(payload, stream.State.CreditToSend);
        }

        stream.State.CreditToSend = 0;
        if (stream.State.ResetToSend is var (code, detail))
        {
            stream.State.ResetToSend = null;
            Replay.AppendReset(stream.Id, code, detail);
            stream.EndLifeIfOver();
        }
    }
}

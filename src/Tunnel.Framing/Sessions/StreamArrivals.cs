using System.Buffers;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>What the reader loop brings to streams: one method per kind of frame. No lock is held.</summary>
internal sealed class StreamArrivals(SessionStreams streams)
{
    private bool _areOver;

    /// <summary>The peer has said that it opens no more, and so have we: later OPENs are refused.</summary>
    public void End() => _areOver = true;

    /// <summary>The peer opens a stream. Returns null when it was refused.</summary>
    /// <exception cref="ProtocolViolationException">The id may not be opened, the bytes are too many, or it is a flood.</exception>
    public LiveStream? OnOpen(in FrameHeader header, in OpenHeader open, in ReadOnlySequence<byte> bytes)
    {
        lock (streams.Gate)
        {
            streams.Table.AcceptId(header.StreamId);
            streams.Queue.CheckAnswers();
            if (bytes.Length > streams.Options.UploadWindow)
            {
                throw new ProtocolViolationException(CloseCode.WindowExceeded, $"OPEN with {bytes.Length} first bytes.");
            }

            if (FindRefusal(open) is not { } refusal)
            {
                var window = new ReceiveWindow(streams.Options.UploadWindow, streams.Memory, streams.Clock.Now);
                LiveStream stream = streams.Begin(open, header.StreamId, window, new SendWindow(open.AnswerWindow));
                stream.ReceiveFirst(bytes, header.IsFin);
                streams.Flood.StreamOpened();
                streams.HasReceived = true;
                return stream;
            }

            // Whoever opens a stream knows its limits, but not how much memory there is here.
            if (refusal != ResetCode.TooBusy)
            {
                streams.Flood.Count(streams.Clock.Now);
            }

            streams.Queue.RequestRefusal(header.StreamId, refusal);
        }

        streams.WakeWriter();
        return null;
    }

    /// <summary>Returns the stream whose user waited for these bytes, and is the caller's to wake; null otherwise.</summary>
    /// <exception cref="ProtocolViolationException">The half had ended, the window is exceeded, or it is a flood.</exception>
    public LiveStream? OnData(in FrameHeader header, in ReadOnlySequence<byte> bytes)
    {
        if (streams.Find(header.StreamId) is not { } stream)
        {
            return null;
        }

        if (header is { Length: 0, IsFin: false })
        {
            streams.CountFlood();
        }

        streams.HasReceived = true;
        return stream.Receive(header, bytes) ? stream : null;
    }

    /// <exception cref="ProtocolViolationException">The id was never opened, or it is a flood.</exception>
    public void OnReset(uint id, ResetCode code, string detail) => streams.Find(id)?.ReceiveReset(id, code, detail);

    /// <exception cref="ProtocolViolationException">The id was never opened, the window overflows, or it is a flood.</exception>
    public void OnCredit(uint id, uint bytes)
    {
        SendWindow.Check(bytes);
        if (streams.Find(id) is { } stream && !stream.ReceiveCredit(id, bytes))
        {
            streams.CountFlood();
        }
    }

    private ResetCode? FindRefusal(in OpenHeader open)
    {
        if (open.Type is not (StreamType.Http or StreamType.Raw))
        {
            return ResetCode.TypeUnknown;
        }

        if (_areOver || streams.Table.Count >= streams.Options.MaxStreams)
        {
            return ResetCode.NotProcessed;
        }

        return streams.Options.ProcessMemory?.HasRoomFor(open.Visitor) == false ? ResetCode.TooBusy : null;
    }
}

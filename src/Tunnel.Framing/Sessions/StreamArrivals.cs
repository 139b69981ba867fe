using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// What the reader loop does to streams: one method per kind of frame. Takes the session's lock; the bytes themselves
/// and the pipes they go to are the reader's business, without the lock.
/// </summary>
internal sealed class StreamArrivals(SessionStreams streams)
{
    private bool _areOver;

    /// <summary>The peer has said that it opens no more, and so have we: later OPENs are refused.</summary>
    public void End() => _areOver = true;

    /// <summary>The peer opens a stream. Returns null when it was refused.</summary>
    /// <exception cref="ProtocolViolationException">The id may not be opened, the bytes are too many, or it is a flood.</exception>
    public TunnelStream? OnOpen(in FrameHeader header, in OpenHeader open, int bytes)
    {
        lock (streams.Gate)
        {
            streams.Table.AcceptId(header.StreamId);
            streams.Queue.CheckAnswers();
            if (bytes > streams.Options.UploadWindow)
            {
                throw new ProtocolViolationException(CloseCode.WindowExceeded, $"OPEN with {bytes} first bytes.");
            }

            if (FindRefusal(open) is not { } refusal)
            {
                return Accept(header, open, bytes);
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

    /// <summary>Returns the stream the bytes are for, or null when they are dropped.</summary>
    /// <exception cref="ProtocolViolationException">The half had ended, the window is exceeded, or it is a flood.</exception>
    public TunnelStream? OnData(in FrameHeader header)
    {
        lock (streams.Gate)
        {
            if (Find(header.StreamId) is not { } stream)
            {
                return null;
            }

            if (stream.Halves.Receiving != HalfState.Open)
            {
                throw new ProtocolViolationException(
                    CloseCode.DataAfterEnd, $"DATA on stream {header.StreamId} after its half ended.");
            }

            stream.ReceiveWindow.Receive(header.Length);
            streams.HasReceived = true;
            if (header is { Length: 0, IsFin: false })
            {
                streams.Flood.Count(streams.Clock.Now);
            }

            if (header.IsFin)
            {
                stream.Halves.FinReceived();
                streams.CloseIfEnded(stream);
            }

            streams.GrantUnread(stream);
            return stream;
        }
    }

    /// <summary>Returns the stream whose input has failed by this, or null.</summary>
    /// <exception cref="ProtocolViolationException">The id was never opened, or it is a flood.</exception>
    public TunnelStream? OnReset(uint id, ResetCode code)
    {
        bool resume;
        ResetEffect effect;
        TunnelStream? stream;
        lock (streams.Gate)
        {
            stream = Find(id);
            if (stream is null)
            {
                return null;
            }

            if (!stream.Halves.ResetWasSent)
            {
                // Otherwise it is the answer to ours.
                stream.WasResetByPeer = true;
                streams.Account = streams.Account.AfterResetByPeer();
            }

            effect = stream.Halves.ResetReceived();
            stream.SetResetCode(code);
            resume = SessionStreams.StopSending(stream);
            if (effect.MustAnswer && stream.IsDisposed)
            {
                streams.SendReset(stream, code, "");
            }
            else if (effect.MustAnswer)
            {
                stream.AnswerOwed = code;
            }

            streams.CloseIfEnded(stream);
        }

        if (resume)
        {
            stream.Out.Resume(isWanted: false);
        }

        stream.NotifyAborted();
        streams.WakeWriter();
        return effect.FailsReceiving ? stream : null;
    }

    /// <exception cref="ProtocolViolationException">The id was never opened, the window overflows, or it is a flood.</exception>
    public void OnCredit(uint id, uint bytes)
    {
        bool wake;
        lock (streams.Gate)
        {
            SendWindow.Check(bytes);
            if (Find(id) is not { } stream)
            {
                return;
            }

            if (stream.Halves.Sending != HalfState.Open)
            {
                streams.Flood.Count(streams.Clock.Now);
                return;
            }

            stream.SendWindow.Grant(bytes);
            wake = streams.Activate(stream);
        }

        if (wake)
        {
            streams.WakeWriter();
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

    private TunnelStream Accept(in FrameHeader header, in OpenHeader open, int bytes)
    {
        var window = ReceiveWindow.Promised(streams.Options.UploadWindow, streams.Memory, streams.Clock.Now);
        window.Receive(bytes);
        var stream = new TunnelStream(streams, open, header.StreamId, window, new SendWindow(open.AnswerWindow));
        streams.Add(stream);
        streams.Flood.StreamOpened();
        streams.HasReceived = true;
        if (header.IsFin)
        {
            // Nothing more comes: what a window promises need not be kept for it.
            stream.Halves.FinReceived();
            stream.ReceiveWindow.ReturnBudget();
        }

        return stream;
    }

    // A frame for a stream that is closed may have been on its way: dropped, but counted.
    private TunnelStream? Find(uint id)
    {
        TunnelStream? stream = streams.Table.Find(id);
        if (stream is null)
        {
            streams.Flood.Count(streams.Clock.Now);
        }

        return stream;
    }
}

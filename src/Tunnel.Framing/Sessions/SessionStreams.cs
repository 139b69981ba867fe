using System.IO.Pipelines;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The streams of a session and what they have to send. Everything that a stream's user, the reader loop and the
/// writer loop share lies behind <see cref="Gate"/>; no user code ever runs with it held.
/// </summary>
internal sealed class SessionStreams
{
    /// <summary>After so long without sending, a stream counts as newly active.</summary>
    private static readonly TimeSpan FreshAfter = TimeSpan.FromMilliseconds(100);

    private readonly StreamTable _table = new();
    private readonly MemoryBudget _memory;
    private readonly SessionClock _clock;
    private readonly SentSequence _sent;
    private readonly AsyncSignal _wakeWriter;
    private readonly FloodGuard _flood;
    private readonly List<TunnelStream> _resumed = [];
    private bool _isClosed;

    public SessionStreams(SessionOptions options, SessionClock clock, OutgoingQueue queue, SentSequence sent, FloodGuard flood, AsyncSignal wakeWriter)
    {
        Options = options;
        Queue = queue;
        _clock = clock;
        _sent = sent;
        _flood = flood;
        _wakeWriter = wakeWriter;
        _memory = new MemoryBudget(options.SessionMemory, options.ProcessMemory);
        PipeOptions = new PipeOptions(
            options.Pool,
            readerScheduler: options.StreamScheduler,
            writerScheduler: PipeScheduler.Inline,
            pauseWriterThreshold: 0,
            resumeWriterThreshold: 0,
            minimumSegmentSize: 4096,
            useSynchronizationContext: false);
    }

    public Lock Gate { get; } = new();

    public SessionOptions Options { get; }

    public PipeOptions PipeOptions { get; }

    public OutgoingQueue Queue { get; }

    /// <summary>Streams that are not closed yet.</summary>
    public int Count => _table.Count;

    /// <summary>Bytes drawn from the session's memory budget.</summary>
    public long MemoryUsed => _memory.Used;

    /// <summary>Stream bytes were received since this was last cleared: windows may want to grow.</summary>
    public bool HasReceived { get; set; }

    /// <summary>No more OPENs: those that wait for their id will not get one.</summary>
    public bool OpensAreOver { get; private set; }

    /// <summary>Ids have run out; the session is to be replaced.</summary>
    public bool IdsAreExhausted => _table.IdsAreExhausted;

    /// <summary>Opens a stream; null when none may be opened (limit, leaving, ended).</summary>
    public TunnelStream? TryOpen(OpenHeader open)
    {
        lock (Gate)
        {
            if (_isClosed || OpensAreOver || IdsAreExhausted || _table.Count >= Options.MaxStreams)
            {
                return null;
            }

            int first = _memory.IsEasy ? ProtocolLimits.FirstAnswerWindow : ProtocolLimits.LeastWindow;
            var window = new ReceiveWindow(first, _memory, _clock.Now);
            open = open with { AnswerWindow = (uint)window.Size };
            var stream = new TunnelStream(this, open, id: 0, window, new SendWindow(ProtocolLimits.LeastWindow));
            _table.Add(stream);
            return stream;
        }
    }

    // ---- the user's side ------------------------------------------------------------------------

    public Memory<byte> Lease(TunnelStream stream, int sizeHint)
    {
        lock (Gate)
        {
            return stream.Outgoing.Lease(sizeHint);
        }
    }

    public void Advance(TunnelStream stream, int bytes)
    {
        lock (Gate)
        {
            stream.Outgoing.Advance(bytes);
        }
    }

    /// <summary>What the user wrote may be sent; with <paramref name="isLast"/>, FIN goes behind it.</summary>
    public PublishOutcome Publish(TunnelStream stream, bool isLast)
    {
        bool wake;
        PublishOutcome outcome;
        lock (Gate)
        {
            stream.Outgoing.Publish();
            if (stream.Halves.Sending != HalfState.Open || stream.AnswerOwed is not null || _isClosed)
            {
                stream.Outgoing.Drop();
                return PublishOutcome.NotWanted;
            }

            stream.FinIsWanted |= isLast;
            stream.OpenIsWanted = true;
            wake = Activate(stream);
            bool isFull = stream.Outgoing.RentedBytes >= Options.WaitingPerStream;
            stream.Out.IsWaiting = isFull && !isLast;
            outcome = stream.Out.IsWaiting ? PublishOutcome.MustWait : PublishOutcome.Accepted;
        }

        if (wake)
        {
            _wakeWriter.Set();
        }

        return outcome;
    }

    /// <summary>The user no longer waits for room. Returns false when nobody was waiting.</summary>
    public bool StopWaiting(TunnelStream stream)
    {
        lock (Gate)
        {
            bool was = stream.Out.IsWaiting;
            stream.Out.IsWaiting = false;
            return was;
        }
    }

    /// <summary>The user took bytes off its input.</summary>
    public void Consumed(TunnelStream stream, int bytes)
    {
        lock (Gate)
        {
            if (stream.Halves.Receiving != HalfState.Open || stream.Halves.ResetWasSent)
            {
                return;
            }

            if (!stream.ReceiveWindow.Consume(bytes))
            {
                return;
            }

            stream.CreditToSend += stream.ReceiveWindow.Grant(_clock.Now, _clock.LeastRoundTrip);
            Queue.RequestUrgent(stream);
        }

        _wakeWriter.Set();
    }

    /// <summary>The user reads no more. Once our own half has ended, the peer is told to stop.</summary>
    public void InputCompleted(TunnelStream stream)
    {
        lock (Gate)
        {
            if (stream.Halves.IsClosed)
            {
                stream.ReceiveWindow.ReturnBudget();
                return;
            }

            StopPeerIfUnread(stream);
        }

        _wakeWriter.Set();
    }

    /// <summary>The user lets go of the stream; unless it finished its half, that is an abort.</summary>
    public void Leave(TunnelStream stream, bool isFinished)
    {
        lock (Gate)
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
        bool neverSent;
        bool failInput;
        bool resume;
        lock (Gate)
        {
            if (stream.Halves.IsClosed || stream.Halves.ResetWasSent)
            {
                return;
            }

            stream.ResetCode ??= code;
            stream.Outgoing.Drop();
            stream.FinIsWanted = false;
            resume = StopWaitingLocked(stream);
            failInput = stream.Halves.Receiving == HalfState.Open;
            neverSent = stream.Id == 0;
            if (neverSent)
            {
                stream.Halves.Lost();
                Close(stream);
            }
            else if (stream.AnswerOwed is { } owed)
            {
                SendReset(stream, owed, "");
            }
            else
            {
                SendReset(stream, code, detail);
            }
        }

        if (failInput)
        {
            stream.In.Fail(new StreamResetException(code, detail));
        }

        if (neverSent)
        {
            // The reader loop does not know this stream, so its pipe is ours to complete.
            stream.In.Writer.Complete();
        }

        if (resume)
        {
            stream.Out.Resume(isWanted: false);
        }

        _wakeWriter.Set();
    }

    // ---- the reader loop's side -----------------------------------------------------------------

    /// <summary>The peer opens a stream. Returns null when it was refused.</summary>
    public TunnelStream? OnOpen(in FrameHeader header, in OpenHeader open, int bytes)
    {
        lock (Gate)
        {
            _table.AcceptId(header.StreamId);
            _flood.Allow(FloodGuard.PerStream);
            if (bytes > ProtocolLimits.LeastWindow)
            {
                throw new ProtocolViolationException(CloseCode.WindowExceeded, $"OPEN with {bytes} first bytes.");
            }

            if (_isClosed || OpensAreOver || _table.Count >= Options.MaxStreams)
            {
                _flood.Count(_clock.Now);
                Queue.RequestRefusal(header.StreamId);
                _wakeWriter.Set();
                return null;
            }

            var window = new ReceiveWindow(ProtocolLimits.LeastWindow, _memory, _clock.Now);
            window.Receive(bytes);
            var stream = new TunnelStream(this, open, header.StreamId, window, new SendWindow(open.AnswerWindow));
            _table.Add(stream);
            HasReceived = true;
            if (header.IsFin)
            {
                stream.Halves.FinReceived();
            }

            return stream;
        }
    }

    /// <summary>Returns the stream the bytes are for, or null when they are dropped.</summary>
    public TunnelStream? OnData(in FrameHeader header)
    {
        lock (Gate)
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
            HasReceived = true;
            if (header is { Length: 0, IsFin: false })
            {
                _flood.Count(_clock.Now);
            }

            bool isDropped = stream.Halves.ResetWasSent;
            if (header.IsFin)
            {
                stream.Halves.FinReceived();
                CloseIfEnded(stream);
            }

            // A dropped stream's pipe still has to be completed by its FIN.
            return isDropped && !header.IsFin ? null : stream;
        }
    }

    /// <summary>Returns the stream, or null when it was closed already.</summary>
    public TunnelStream? OnReset(uint id, ResetCode code, out bool failsReceiving)
    {
        bool resume;
        TunnelStream? stream;
        lock (Gate)
        {
            failsReceiving = false;
            stream = Find(id);
            if (stream is null)
            {
                return null;
            }

            ResetEffect effect = stream.Halves.ResetReceived();
            failsReceiving = effect.FailsReceiving;
            stream.ResetCode ??= code;
            stream.Outgoing.Drop();
            stream.FinIsWanted = false;
            resume = StopWaitingLocked(stream);
            if (effect.MustAnswer && stream.IsDisposed)
            {
                SendReset(stream, code, "");
            }
            else if (effect.MustAnswer)
            {
                stream.AnswerOwed = code;
            }

            CloseIfEnded(stream);
        }

        if (resume)
        {
            stream.Out.Resume(isWanted: false);
        }

        stream.NotifyAborted();
        _wakeWriter.Set();
        return stream;
    }

    public void OnCredit(uint id, uint bytes)
    {
        bool wake = false;
        lock (Gate)
        {
            if (Find(id) is { } stream && stream.Halves.Sending == HalfState.Open)
            {
                stream.SendWindow.Grant(bytes);
                wake = Activate(stream);
            }
        }

        if (wake)
        {
            _wakeWriter.Set();
        }
    }

    // ---- the writer loop's side (Gate is held) --------------------------------------------------

    /// <summary>The next frame in fair turns; it has its place in the sequence from here on.</summary>
    public bool TryTakeFrame(out TakenFrame frame)
    {
        while (Queue.Streams.Take() is { } stream)
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
        resumed.AddRange(_resumed);
        _resumed.Clear();
    }

    /// <summary>
    /// From now on nothing is opened; what still waited for its id ends as <c>not-processed</c>.
    /// Returns false when that was so already.
    /// </summary>
    public bool EndOpens()
    {
        List<TunnelStream> waiting;
        lock (Gate)
        {
            if (OpensAreOver)
            {
                return false;
            }

            OpensAreOver = true;
            waiting = [.. _table.Live.Where(stream => stream.Id == 0)];
        }

        foreach (TunnelStream stream in waiting)
        {
            Abort(stream, ResetCode.NotProcessed, "");
        }

        return true;
    }

    /// <summary>The session is over and both loops have stopped: every stream that is left learns it.</summary>
    public void EndAll(string reason)
    {
        List<TunnelStream> left;
        List<TunnelStream> waiting = [];
        lock (Gate)
        {
            _isClosed = true;
            left = [.. _table.Live];
            foreach (TunnelStream stream in left)
            {
                stream.ResetCode ??= ResetCode.SessionLost;
                stream.Halves.Lost();
                stream.Outgoing.Drop();
                if (StopWaitingLocked(stream))
                {
                    waiting.Add(stream);
                }

                Close(stream);
            }

            waiting.AddRange(_resumed);
            _resumed.Clear();
        }

        foreach (TunnelStream stream in left)
        {
            stream.In.Writer.Complete(new StreamResetException(ResetCode.SessionLost, reason));
            stream.NotifyAborted();
        }

        foreach (TunnelStream stream in waiting)
        {
            stream.Out.Resume(isWanted: false);
        }
    }

    // ---- below: Gate is held --------------------------------------------------------------------

    private TakenFrame TakeFrame(TunnelStream stream)
    {
        bool opens = stream.Id == 0;
        if (opens)
        {
            _table.AssignId(stream);
            _flood.Allow(FloodGuard.PerStream);
        }

        int headerBytes = opens ? stream.Open.Size : 0;
        (OutgoingChunk? chunk, ReadOnlyMemory<byte> bytes) = stream.Outgoing.Take(
            Math.Min(ProtocolLimits.SentPayload - headerBytes, stream.SendWindow.Available));
        stream.SendWindow.Take(bytes.Length);
        bool fin = stream.FinIsWanted && stream.Outgoing.WaitingBytes == 0;
        var header = new FrameHeader(
            stream.Id, opens ? FrameKind.Open : FrameKind.Data, headerBytes + bytes.Length, fin);
        _sent.Add(header);
        Queue.Streams.Sent(stream, header.FrameSize);
        stream.LastSent = _clock.Now;

        if (fin)
        {
            stream.Halves.FinSent();
            StopPeerIfUnread(stream);
            CloseIfEnded(stream);
        }
        else if (stream.CanSend)
        {
            Queue.Streams.Add(stream);
        }

        if (stream.Out.IsWaiting && stream.Outgoing.RentedBytes <= Options.WaitingPerStream / 2)
        {
            stream.Out.IsWaiting = false;
            _resumed.Add(stream);
        }

        return new TakenFrame(header, opens ? stream : null, bytes, chunk);
    }

    private bool Activate(TunnelStream stream)
    {
        if (!stream.CanSend)
        {
            return false;
        }

        IFairQueueItem<TunnelStream> item = stream;
        if (!item.IsQueued && item.FreshBytes < FairQueue<TunnelStream>.FreshAllowance && _clock.Now - stream.LastSent > FreshAfter)
        {
            item.FreshBytes = FairQueue<TunnelStream>.FreshAllowance;
        }

        Queue.Streams.Add(stream);
        return true;
    }

    private TunnelStream? Find(uint id)
    {
        TunnelStream? stream = _table.Find(id);
        if (stream is null)
        {
            _flood.Count(_clock.Now);
        }

        return stream;
    }

    private void StopPeerIfUnread(TunnelStream stream)
    {
        bool isUnread = stream.In.IsCompleted && stream.Halves is { Receiving: HalfState.Open, ResetWasSent: false };
        if (isUnread && stream.Halves.Sending != HalfState.Open)
        {
            SendReset(stream, ResetCode.Stop, "");
        }
    }

    private void SendReset(TunnelStream stream, ResetCode code, string detail)
    {
        stream.Halves.ResetSent();
        stream.ResetToSend = code;
        stream.ResetDetail = detail;
        Queue.RequestUrgent(stream);
        CloseIfEnded(stream);
    }

    private static bool StopWaitingLocked(TunnelStream stream)
    {
        bool was = stream.Out.IsWaiting;
        stream.Out.IsWaiting = false;
        return was;
    }

    private void CloseIfEnded(TunnelStream stream)
    {
        if (stream.Halves.IsClosed)
        {
            Close(stream);
        }
    }

    private void Close(TunnelStream stream)
    {
        _table.Remove(stream);
        if (stream.In.IsCompleted)
        {
            stream.ReceiveWindow.ReturnBudget();
        }
    }
}

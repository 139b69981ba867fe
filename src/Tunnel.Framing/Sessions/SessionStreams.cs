using System.IO.Pipelines;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The streams of a session, from their first moment to their last. What three parties do with them stands in three
/// classes that know this one and not each other: <see cref="StreamActions"/> for a stream's user,
/// <see cref="StreamArrivals"/> for the reader loop, <see cref="StreamDepartures"/> for the writer loop.
/// All they share lies behind <see cref="Gate"/>; no user code ever runs with it held.
/// </summary>
internal sealed class SessionStreams
{
    /// <summary>After so long without sending, a stream counts as newly active.</summary>
    private static readonly TimeSpan FreshAfter = TimeSpan.FromMilliseconds(100);

    private readonly AsyncSignal _wakeWriter;
    private bool _opensAreOver;
    private bool _isClosed;

    public SessionStreams(SessionOptions options, SessionClock clock, OutgoingQueue queue, FloodGuard flood, AsyncSignal wakeWriter)
    {
        Options = options;
        Clock = clock;
        Queue = queue;
        Flood = flood;
        _wakeWriter = wakeWriter;
        Memory = new MemoryBudget(options.SessionMemory, options.ProcessMemory);
        Chunks = new ChunkPool(options.Pool);
        PipeOptions = new PipeOptions(
            options.Pool,
            readerScheduler: options.StreamScheduler,
            writerScheduler: PipeScheduler.Inline,
            pauseWriterThreshold: 0,
            resumeWriterThreshold: 0,
            minimumSegmentSize: 4096,
            useSynchronizationContext: false);
        Actions = new StreamActions(this);
    }

    public Lock Gate { get; } = new();

    public SessionOptions Options { get; }

    public SessionClock Clock { get; }

    public PipeOptions PipeOptions { get; }

    public ChunkPool Chunks { get; }

    public StreamActions Actions { get; }

    // ---- guarded by Gate, except where it says otherwise ----------------------------------------

    public OutgoingQueue Queue { get; }

    public FloodGuard Flood { get; }

    public StreamTable Table { get; } = new();

    /// <summary>Safe without the lock.</summary>
    public MemoryBudget Memory { get; }

    /// <summary>Streams whose users may go on flushing; the writer loop tells them once the lock is let go.</summary>
    public List<TunnelStream> Resumed { get; } = [];

    /// <summary>Stream bytes were received since this was last cleared: windows may want to grow. A hint, read anywhere.</summary>
    public bool HasReceived { get; set; }

    /// <summary>Streams that are not closed yet. A glance; exact only with the lock held.</summary>
    public int Count => Table.Count;

    /// <summary>We open no more. A glance; exact only with the lock held.</summary>
    public bool OpensAreOver => Volatile.Read(ref _opensAreOver);

    /// <summary>The session is over: nothing is sent or opened any more.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>Opens a stream; null when none may be opened (limit, leaving, ended).</summary>
    public TunnelStream? TryOpen(OpenHeader open)
    {
        lock (Gate)
        {
            if (_isClosed || _opensAreOver || Table.IdsAreExhausted || Table.Count >= Options.MaxStreams)
            {
                return null;
            }

            int first = Memory.IsEasy ? ProtocolLimits.FirstAnswerWindow : ProtocolLimits.LeastWindow;
            var window = new ReceiveWindow(first, Memory, Clock.Now);
            open = open with { AnswerWindow = (uint)window.Size };
            var stream = new TunnelStream(this, open, id: 0, window, new SendWindow(ProtocolLimits.LeastWindow));
            Table.Add(stream);
            return stream;
        }
    }

    /// <summary>
    /// From now on we open nothing; what still waited for its id ends as <c>not-processed</c>.
    /// Returns false when that was so already.
    /// </summary>
    public bool EndOpens()
    {
        Ending ending;
        lock (Gate)
        {
            if (_opensAreOver)
            {
                return false;
            }

            Volatile.Write(ref _opensAreOver, true);
            ending = EndHere([.. Table.Live.Where(stream => stream.Id == 0)], ResetCode.NotProcessed);
        }

        ending.Tell(ResetCode.NotProcessed, "The session leaves.");
        return true;
    }

    /// <summary>The session is over and both loops have stopped: every stream that is left learns it.</summary>
    public void EndAll(string reason)
    {
        Ending ending;
        lock (Gate)
        {
            _isClosed = true;
            ending = EndHere([.. Table.Live], ResetCode.SessionLost);
            ending.Waiting.AddRange(Resumed);
            Resumed.Clear();
        }

        ending.Tell(ResetCode.SessionLost, reason);
    }

    public void WakeWriter() => _wakeWriter.Set();

    // ---- below: Gate is held --------------------------------------------------------------------

    /// <summary>Lets the stream wait for its turn if it has something to send. Returns whether the writer is to be woken.</summary>
    public bool Activate(TunnelStream stream)
    {
        if (!stream.CanSend)
        {
            return false;
        }

        IFairQueueItem<TunnelStream> item = stream;
        if (!item.IsQueued && item.FreshBytes < FairQueue<TunnelStream>.FreshAllowance && Clock.Now - stream.LastSent > FreshAfter)
        {
            item.FreshBytes = FairQueue<TunnelStream>.FreshAllowance;
        }

        Queue.Streams.Add(stream);
        return true;
    }

    /// <summary>Once our own half has ended, a peer whose bytes nobody reads is told to stop.</summary>
    public void StopPeerIfUnread(TunnelStream stream)
    {
        bool isUnread = stream.In.IsCompleted && stream.Halves is { Receiving: HalfState.Open, ResetWasSent: false };
        if (isUnread && stream.Halves.Sending != HalfState.Open)
        {
            SendReset(stream, ResetCode.Stop, "");
        }
    }

    /// <summary>
    /// What nobody will read is dropped and granted again, so that a peer that wants to finish is never stuck behind a
    /// user that does not read; it is stopped as soon as our own half has ended.
    /// </summary>
    public void GrantUnread(TunnelStream stream)
    {
        bool isOpen = stream.Halves is { Receiving: HalfState.Open, ResetWasSent: false };
        if (isOpen && stream.In.IsCompleted && stream.ReceiveWindow.ConsumeAll())
        {
            // No growth for this: the round trip is not told.
            stream.CreditToSend += stream.ReceiveWindow.Grant(Clock.Now, leastRoundTrip: null);
            Queue.RequestUrgent(stream);
            WakeWriter();
        }
    }

    public void SendReset(TunnelStream stream, ResetCode code, string detail)
    {
        stream.Halves.ResetSent();
        stream.ResetToSend = code == ResetCode.SessionLost ? ResetCode.InternalError : code;
        stream.ResetDetail = detail;
        Queue.RequestUrgent(stream);
        CloseIfEnded(stream);
    }

    /// <summary>Nothing of the stream is sent any more. Returns whether its user waited for room and is to be resumed.</summary>
    public static bool StopSending(TunnelStream stream)
    {
        stream.Outgoing.Drop();
        stream.FinIsWanted = false;
        return stream.Out.TakeWaiting();
    }

    public void CloseIfEnded(TunnelStream stream)
    {
        if (stream.Halves.IsClosed)
        {
            Close(stream);
        }
    }

    /// <summary>Ends streams without a word to the peer: it does not know them, or is not there any more.</summary>
    public Ending EndHere(List<TunnelStream> streams, ResetCode code)
    {
        var ending = new Ending(streams, []);
        foreach (TunnelStream stream in streams)
        {
            stream.SetResetCode(code);
            stream.Halves.Lost();
            if (StopSending(stream))
            {
                ending.Waiting.Add(stream);
            }

            Close(stream);
        }

        return ending;
    }

    private void Close(TunnelStream stream)
    {
        Table.Remove(stream);
        if (stream.In.IsCompleted)
        {
            stream.ReceiveWindow.ReturnBudget();
        }
    }

    /// <summary>Streams that ended under the lock and whose users are told without it.</summary>
    /// <param name="Ended">The reader loop does not touch these any more, so their pipes are ours to complete.</param>
    internal readonly record struct Ending(List<TunnelStream> Ended, List<TunnelStream> Waiting)
    {
        public void Tell(ResetCode code, string detail, bool isAsked = false)
        {
            foreach (TunnelStream stream in Ended)
            {
                stream.In.Writer.Complete(new StreamResetException(code, detail));
                if (!isAsked)
                {
                    stream.NotifyAborted();
                }
            }

            foreach (TunnelStream stream in Waiting)
            {
                stream.Out.Resume(isWanted: false);
            }
        }
    }
}

using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;

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

    /// <summary>With no more than these open there is little to gather, and to wake a thread for it costs more than it saves.</summary>
    private const int FewStreams = 4;

    private readonly AsyncSignal _wakeWriter;
    private TaskCompletionSource? _opensHaveLeft;
    private bool _opensAreOver;
    private bool _isAttached;
    private bool _isClosed;

    public SessionStreams(SessionOptions options, SessionClock clock, FloodGuard flood, AsyncSignal wakeWriter)
    {
        Options = options;
        Clock = clock;
        Flood = flood;
        _wakeWriter = wakeWriter;
        Memory = new MemoryBudget(options.SessionMemory, options.ProcessMemory);
        Chunks = new ChunkPool(options.Pool);
        Replay = new ReplayBuffer(Chunks, options.ReplayBytes);
        Queue = new OutgoingQueue(Replay, Received);
        InputBlocks = new InputBlockPool(options.InputPool ?? options.Pool);
        Actions = new StreamActions(this);
    }

    public Lock Gate { get; } = new();

    public SessionOptions Options { get; }

    public SessionClock Clock { get; }

    public InputBlockPool InputBlocks { get; }

    public ChunkPool Chunks { get; }

    public StreamActions Actions { get; }

    /// <summary>What was sent, or has its place, and is not acknowledged.</summary>
    public ReplayBuffer Replay { get; }

    /// <summary>What was received.</summary>
    public ReceivedSequence Received { get; } = new();

    /// <summary>How long the peer has acknowledged nothing.</summary>
    public AckPatience AckPatience { get; } = new();

    // ---- guarded by Gate, except where it says otherwise ----------------------------------------

    public OutgoingQueue Queue { get; }

    public FloodGuard Flood { get; }

    public StreamTable Table { get; } = new();

    public StreamAccount Account { get; set; }

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

    /// <summary>There is a link, as far as we know. A glance; exact only with the lock held.</summary>
    public bool IsAttached => Volatile.Read(ref _isAttached);

    /// <summary>The session is over: nothing is sent or opened any more.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>Opens a stream; null when none may be opened (limit, no link, leaving, ended).</summary>
    public TunnelStream? TryOpen(OpenHeader open)
    {
        lock (Gate)
        {
            if (_isClosed || !_isAttached || _opensAreOver || Table.IdsAreExhausted || Table.Count >= Options.MaxStreams)
            {
                return null;
            }

            int first = Memory.IsEasy ? ProtocolLimits.FirstAnswerWindow : ProtocolLimits.LeastWindow;
            var window = new ReceiveWindow(first, Memory, Clock.Now);
            open = open with { AnswerWindow = (uint)window.Size };
            var stream = new TunnelStream(this, open, id: 0, window, new SendWindow((uint)Options.UploadWindow));
            Add(stream);
            return stream;
        }
    }

    /// <summary>
    /// From now on we open nothing; what still waited for its id ends as <c>not-processed</c>.
    /// Returns false when that was so already.
    /// </summary>
    public bool EndOpens()
    {
        StreamEnding ending;
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

    /// <summary>Completes when no stream waits for the place of its OPEN, whatever became of it.</summary>
    public Task WhenOpensHaveLeftAsync()
    {
        lock (Gate)
        {
            if (Table.Unopened == 0)
            {
                return Task.CompletedTask;
            }

            _opensHaveLeft ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _opensHaveLeft.Task;
        }
    }

    /// <summary>A link begins where the peer stands. No writer loop may run.</summary>
    /// <exception cref="ProtocolViolationException">The peer cannot stand there.</exception>
    public void Attach(ulong peerCount)
    {
        lock (Gate)
        {
            Replay.Rewind(peerCount);
            AckPatience.Restart();
            Volatile.Write(ref _isAttached, true);
        }
    }

    /// <summary>
    /// The link is gone: nothing is taken and no stream opened until there is another one. What has not got its place does
    /// not wait for that one: it ends as <c>not-processed</c>, unless its user has pinned it. No writer loop may run.
    /// </summary>
    /// <returns>Those that ended by this, to be told without the lock.</returns>
    public StreamEnding Detach()
    {
        lock (Gate)
        {
            Volatile.Write(ref _isAttached, false);
            Queue.ForgetLink();
            return EndHere([.. Table.Live.Where(stream => stream is { Id: 0, IsPinned: false })], ResetCode.NotProcessed);
        }
    }

    /// <summary>
    /// The session is over and both loops have stopped: every stream that is left learns it. What never entered a link
    /// was not processed, and may be tried elsewhere.
    /// </summary>
    public void EndAll(string reason)
    {
        StreamEnding untried;
        StreamEnding lost;
        lock (Gate)
        {
            _isClosed = true;
            untried = EndHere([.. Table.Live.Where(stream => stream.Id == 0)], ResetCode.NotProcessed);
            lost = EndHere([.. Table.Live], ResetCode.SessionLost);
            lost.Waiting.AddRange(Resumed);
            Resumed.Clear();
            Replay.Clear();
        }

        untried.Tell(ResetCode.NotProcessed, reason);
        lost.Tell(ResetCode.SessionLost, reason);
    }

    public void WakeWriter() => _wakeWriter.Set();

    /// <summary>A user has flushed, and stands in its own code: with few streams it sends now. No lock may be held.</summary>
    public void WakeWriterForUser()
    {
        if (Options.StreamsRunInline && Table.Count <= FewStreams)
        {
            _wakeWriter.SetAndRun();
        }
        else
        {
            _wakeWriter.Set();
        }
    }

    // ---- below: Gate is held --------------------------------------------------------------------

    /// <summary>A stream begins to live.</summary>
    public void Add(TunnelStream stream)
    {
        Table.Add(stream);
        Options.ProcessMemory?.Opened(stream.Open.Visitor);
        Account = Account.AfterOpen();
    }

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
        if (!stream.WasResetByPeer)
        {
            Account = Account.AfterResetHere();
        }

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

    /// <summary>An OPEN got its place, or its stream needs none any more.</summary>
    public void TellIfOpensHaveLeft()
    {
        if (_opensHaveLeft is { } waiting && Table.Unopened == 0)
        {
            _opensHaveLeft = null;
            waiting.TrySetResult();
        }
    }

    public void CloseIfEnded(TunnelStream stream)
    {
        if (stream.Halves.IsClosed)
        {
            Close(stream);
        }
    }

    /// <summary>Ends streams without a word to the peer: it does not know them, or is not there any more.</summary>
    public StreamEnding EndHere(List<TunnelStream> streams, ResetCode code)
    {
        var ending = new StreamEnding(streams, []);
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
        TellIfOpensHaveLeft();

        // While a link is stuck nobody takes from the queue: those who come and go meanwhile must not stay in it.
        Queue.Streams.Remove(stream);
        if (stream.In.IsCompleted)
        {
            ReturnMemory(stream);
        }
    }

    /// <summary>The stream is closed, and its user is through with what it received: it holds nothing any more.</summary>
    public void ReturnMemory(TunnelStream stream)
    {
        if (!stream.HasReturnedMemory)
        {
            stream.HasReturnedMemory = true;
            stream.ReceiveWindow.ReturnBudget();
            Options.ProcessMemory?.Closed(stream.Open.Visitor);
        }
    }
}

using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The streams of a session, from their first moment to their last: the table of those that live, and the queue of what waits
/// to be sent. What becomes of a single stream is its own matter, behind its own lock; <see cref="StreamArrivals"/> finds it for
/// the reader loop, <see cref="StreamDepartures"/> for the writer loop.
/// </summary>
internal sealed class SessionStreams
{
    /// <summary>After so long without sending, a stream counts as newly active.</summary>
    private static readonly TimeSpan FreshAfter = TimeSpan.FromMilliseconds(100);

    /// <summary>With no more than these open there is little to gather, and to wake a thread for it costs more than it saves.</summary>
    private const int FewStreams = 4;

    /// <summary>Ended streams kept to be used again: what comes and goes between two batches of a busy session.</summary>
    private const int MostSpares = 32;

    private readonly Spares<LiveStream> _spares = new(MostSpares);
    private readonly AsyncSignal _wakeWriter;
    private TaskCompletionSource? _opensHaveLeft;
    private bool _opensAreOver;
    private bool _isAttached;
    private bool _isClosed;
    private long _opened;
    private long _resetHere;
    private long _resetByPeer;

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
    }

    /// <summary>
    /// The session's lock: table, queue, messages. A stream's lock (<see cref="LiveStream.Gate"/>) may be held when this one is
    /// taken, never the other way round; no user code runs with it.
    /// </summary>
    public Lock Gate { get; } = new();

    public SessionOptions Options { get; }

    public SessionClock Clock { get; }

    public InputBlockPool InputBlocks { get; }

    public ChunkPool Chunks { get; }

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

    /// <summary>Safe without the lock.</summary>
    public MemoryBudget Memory { get; }

    /// <summary>Stream bytes were received since this was last cleared: windows may want to grow. A hint, read anywhere.</summary>
    public bool HasReceived { get; set; }

    /// <summary>Safe without the lock.</summary>
    public StreamAccount Account =>
        new(Volatile.Read(ref _opened), Volatile.Read(ref _resetHere), Volatile.Read(ref _resetByPeer));

    /// <summary>Streams that are not closed yet. A glance; exact only with the lock held.</summary>
    public int Count => Table.Count;

    /// <summary>We open no more. A glance; exact only with the lock held.</summary>
    public bool OpensAreOver => Volatile.Read(ref _opensAreOver);

    /// <summary>There is a link, as far as we know. A glance; exact only with the lock held.</summary>
    public bool IsAttached => Volatile.Read(ref _isAttached);

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
            var window = new ReceiveWindow(ProtocolLimits.LeastWindow, Memory, Clock.Now, first);
            open = open with { AnswerWindow = (uint)window.Size };
            return Begin(open, id: 0, window, new SendWindow((uint)Options.UploadWindow)).Life;
        }
    }

    /// <summary>
    /// From now on we open nothing; what still waited for its id ends as <c>not-processed</c>.
    /// Returns false when that was so already.
    /// </summary>
    public bool EndOpens()
    {
        List<TunnelStream> live;
        lock (Gate)
        {
            if (_opensAreOver)
            {
                return false;
            }

            Volatile.Write(ref _opensAreOver, true);
            live = [.. Table.Lives];
        }

        var ending = new StreamEnding();
        ending.End(live, ResetCode.NotProcessed, static stream => stream.Id == 0);
        ending.Tell("The session leaves.");
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
        List<TunnelStream> live;
        lock (Gate)
        {
            Volatile.Write(ref _isAttached, false);
            Queue.ForgetLink();
            live = [.. Table.Lives];
        }

        var ending = new StreamEnding();
        ending.End(live, ResetCode.NotProcessed, static stream => stream is { Id: 0, State.IsPinned: false });
        return ending;
    }

    /// <summary>
    /// The session is over and both loops have stopped: every stream that is left learns it. What never entered a link
    /// was not processed, and may be tried elsewhere.
    /// </summary>
    public void EndAll(string reason)
    {
        List<TunnelStream> live;
        lock (Gate)
        {
            _isClosed = true;
            live = [.. Table.Lives];
            Replay.Clear();
        }

        var ending = new StreamEnding();
        ending.End(live, ResetCode.NotProcessed, static stream => stream.Id == 0);
        ending.End(live, ResetCode.SessionLost, static _ => true);
        ending.Tell(reason);
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

    /// <summary>A frame came that moves nothing.</summary>
    /// <exception cref="ProtocolViolationException">It is a flood.</exception>
    public void CountFlood()
    {
        lock (Gate)
        {
            Flood.Count(Clock.Now);
        }
    }

    /// <summary>The live stream of this id; null, and counted as a frame that moves nothing, when it is closed.</summary>
    /// <exception cref="ProtocolViolationException">The id was never opened, or it is a flood.</exception>
    public LiveStream? Find(uint id)
    {
        lock (Gate)
        {
            LiveStream? stream = Table.Find(id);
            if (stream is null)
            {
                // It may have been on its way when the stream closed.
                Flood.Count(Clock.Now);
            }

            return stream;
        }
    }

    /// <summary>What is over may stand for another stream of this session.</summary>
    public void KeepSpare(LiveStream stream) => _spares.Keep(stream);

    /// <summary>A stream begins to live. The lock is held.</summary>
    public LiveStream Begin(in OpenHeader open, uint id, in ReceiveWindow receiveWindow, SendWindow sendWindow)
    {
        LiveStream stream = _spares.TryTake(out LiveStream? spare) ? spare : new LiveStream(this);
        stream.Begin(open, id, receiveWindow, sendWindow);
        Table.Add(stream);
        Options.ProcessMemory?.Opened(open.Visitor);
        _opened++;
        return stream;
    }

    // ---- below: the stream's lock is held -------------------------------------------------------

    /// <summary>Lets the stream wait for its turn if it has something to send. Returns whether the writer is to be woken.</summary>
    public bool Activate(LiveStream stream)
    {
        if (!stream.CanSend)
        {
            return false;
        }

        lock (Gate)
        {
            if (!stream.IsQueued && stream.FreshBytes < FairQueue<LiveStream>.FreshAllowance && Clock.Now - stream.State.LastSent > FreshAfter)
            {
                stream.FreshBytes = FairQueue<LiveStream>.FreshAllowance;
            }

            Queue.Streams.Add(stream);
        }

        return true;
    }

    /// <summary>The stream has a RESET or CREDIT to send.</summary>
    public void RequestUrgent(LiveStream stream)
    {
        lock (Gate)
        {
            Queue.RequestUrgent(stream);
        }
    }

    /// <summary>The OPEN of the stream is taken now, and gets the next id.</summary>
    public void AssignId(LiveStream stream)
    {
        lock (Gate)
        {
            Table.AssignId(stream);
            TellIfOpensHaveLeft();
            Flood.StreamOpened();
        }
    }

    public void CountResetHere() => Interlocked.Increment(ref _resetHere);

    public void CountResetByPeer() => Interlocked.Increment(ref _resetByPeer);

    /// <summary>The stream is closed. While a link is stuck nobody takes from the queue: those who come and go meanwhile must not stay in it.</summary>
    public void Remove(LiveStream stream)
    {
        lock (Gate)
        {
            Table.Remove(stream);
            TellIfOpensHaveLeft();
            Queue.Streams.Remove(stream);
        }
    }

    // The lock is held. An OPEN got its place, or its stream needs none any more.
    private void TellIfOpensHaveLeft()
    {
        if (_opensHaveLeft is { } waiting && Table.Unopened == 0)
        {
            _opensHaveLeft = null;
            waiting.TrySetResult();
        }
    }
}

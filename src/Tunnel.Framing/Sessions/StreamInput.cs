using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using Tunnel.Framing.Flow;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The incoming half: bytes that the reader loop puts in and the user takes out. Credit bounds it, so nobody who puts in
/// ever waits. Counts what the user takes, which is what grants the peer more.
/// </summary>
/// <remarks>
/// One producer: the reader loop, or whoever ends the session after that loop. One consumer: the user, who has one read at
/// a time. They meet behind a lock of its own, under which nothing else is done. Holds no memory while nothing waits.
/// </remarks>
internal sealed class StreamInput(TunnelStream stream, SessionStreams streams) : PipeReader, IValueTaskSource<ReadResult>
{
    private readonly Lock _lock = new();

    /// <summary>A user that waited for no more than this may go on in the reader loop itself, if the session lets it.</summary>
    private const int MostInline = 16 * 1024;

    /// <summary>
    /// The same for the only stream that a batch was for: nobody else waits, and a thread of the pool would have to be woken.
    /// </summary>
    private const int MostInlineAlone = 64 * 1024;

    // The user's continuation never runs with a lock held.
    private ManualResetValueTaskSourceCore<bool> _read;
    private CancellationTokenRegistration _cancellation;

    // ---- guarded by the lock --------------------------------------------------------------------

    private InputChain _bytes;
    private long _unseen;
    private bool _isAwaited;
    private bool _isHeld;
    private bool _readIsCanceled;
    private bool _hasEnded;
    private Exception? _error;
    private StreamResetException? _failure;
    private bool _isCompleted;

    /// <summary>The user is through with reading.</summary>
    public bool IsCompleted => Volatile.Read(ref _isCompleted);

    // ---- the producer's -------------------------------------------------------------------------

    /// <summary>
    /// Bytes came; <see cref="Publish"/> shows them, and so does FIN, which may come with them. Dropped when nobody will
    /// read them.
    /// </summary>
    public void Append(in ReadOnlySequence<byte> bytes, bool fin)
    {
        bool wasAwaited;
        lock (_lock)
        {
            if (!_isCompleted && _failure is null)
            {
                _bytes.Append(bytes, streams.InputBlocks);
                _unseen += bytes.Length;
            }

            _hasEnded |= fin;
            wasAwaited = fin && TakeAwaited();
        }

        if (wasAwaited)
        {
            Wake(MostInline);
        }
    }

    /// <summary>Wakes the user, if it waits for what was appended.</summary>
    /// <param name="isAlone">No other stream got bytes at the same time.</param>
    public void Publish(bool isAlone)
    {
        bool wasAwaited;
        lock (_lock)
        {
            wasAwaited = _unseen > 0 && TakeAwaited();
        }

        if (wasAwaited)
        {
            Wake(isAlone ? MostInlineAlone : MostInline);
        }
    }

    /// <summary>Nothing more comes, as the peer or the end of the session has it: the next read throws this.</summary>
    public void End(Exception error)
    {
        bool wasAwaited;
        lock (_lock)
        {
            _hasEnded = true;
            _error ??= error;
            wasAwaited = TakeAwaited();
        }

        if (wasAwaited)
        {
            Wake(mostInline: 0);
        }
    }

    /// <summary>Makes a pending or the next read throw; used when we gave the stream up ourselves.</summary>
    public void Fail(StreamResetException failure)
    {
        bool wasAwaited;
        lock (_lock)
        {
            _failure ??= failure;
            wasAwaited = TakeAwaited();
        }

        if (wasAwaited)
        {
            Wake(mostInline: 0);
        }
    }

    // ---- the user's -----------------------------------------------------------------------------

    public override bool TryRead(out ReadResult result)
    {
        lock (_lock)
        {
            ThrowIfBusy();
            if (!HasNews)
            {
                result = default;
                return false;
            }

            result = Hand();
            return true;
        }
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<ReadResult>(cancellationToken);
        }

        short version;
        lock (_lock)
        {
            ThrowIfBusy();
            if (HasNews)
            {
                return new ValueTask<ReadResult>(Hand());
            }

            _read.Reset();
            version = _read.Version;
            _isAwaited = true;
        }

        if (cancellationToken.CanBeCanceled)
        {
            _cancellation = cancellationToken.UnsafeRegister(
                static (state, token) => ((StreamInput)state!).GiveUpRead(token), this);
        }

        return new ValueTask<ReadResult>(this, version);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        int bytes;
        bool wantsMore;
        InputBlock? free;
        lock (_lock)
        {
            _isHeld = false;

            // A default position consumes nothing: that is how the framework's own copying leaves a reader whose
            // destination has completed.
            if (_bytes.Length == 0 || consumed.GetObject() is not InputBlock)
            {
                return;
            }

            bytes = _bytes.Offset(consumed);
            int seen = Math.Max(_bytes.Offset(examined), bytes);
            if (bytes < 0 || seen > _bytes.Length)
            {
                throw new InvalidOperationException("A position outside of what was read.");
            }

            // Whoever looked at everything, took less and comes back waits for more than the window may hold.
            wantsMore = bytes < _bytes.Length && seen == _bytes.Length;
            _unseen = _bytes.Length - seen;
            free = _bytes.Take(bytes);
        }

        streams.InputBlocks.Return(free);
        if (bytes > 0 || wantsMore)
        {
            streams.Actions.Consumed(stream, bytes, wantsMore);
        }
    }

    public override void CancelPendingRead()
    {
        bool wasAwaited;
        lock (_lock)
        {
            _readIsCanceled = true;
            wasAwaited = TakeAwaited();
        }

        if (wasAwaited)
        {
            Wake(mostInline: 0);
        }
    }

    /// <remarks>A read that is pending, which is a fault of the user's, throws: it would wait for bytes that nobody takes in.</remarks>
    public override void Complete(Exception? exception = null)
    {
        InputBlock? free;
        bool wasAwaited;
        lock (_lock)
        {
            if (_isCompleted)
            {
                return;
            }

            Volatile.Write(ref _isCompleted, true);
            free = _bytes.TakeAll();
            _unseen = 0;
            wasAwaited = TakeAwaited();
        }

        streams.InputBlocks.Return(free);
        if (wasAwaited)
        {
            _read.RunContinuationsAsynchronously = true;
            _read.SetException(new InvalidOperationException("The input was completed while it was read."));
        }

        streams.Actions.InputCompleted(stream);
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        // Waits for a callback that runs right now, so that it cannot meet the next read.
        _cancellation.Dispose();
        _cancellation = default;
        _read.GetResult(token);
        lock (_lock)
        {
            return Hand();
        }
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _read.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _read.OnCompleted(continuation, state, token, flags);

    // ---- below: the lock is held, except where it says otherwise --------------------------------

    private bool HasNews => _unseen > 0 || _hasEnded || _readIsCanceled || _failure is not null;

    private ReadResult Hand()
    {
        if (_failure is { } failure)
        {
            throw new StreamResetException(failure.Code, failure.Detail);
        }

        if (_error is { } error)
        {
            throw error is StreamResetException reset ? new StreamResetException(reset.Code, reset.Detail) : error;
        }

        bool isCanceled = _readIsCanceled;
        _readIsCanceled = false;
        _isHeld = true;
        return new ReadResult(_bytes.Sequence, isCanceled, _hasEnded);
    }

    private void ThrowIfBusy()
    {
        if (_isCompleted || _isAwaited || _isHeld)
        {
            throw new InvalidOperationException(
                _isCompleted ? "The input was completed." : "The last read has not ended, or was not advanced.");
        }
    }

    // Without the lock, by whoever took the wait: nobody else touches the call until the user goes on.
    private void Wake(int mostInline)
    {
        _read.RunContinuationsAsynchronously = mostInline == 0 || !streams.Options.StreamsRunInline || _bytes.GlanceAtLength() > mostInline;
        _read.SetResult(true);
    }

    // Whoever gets true completes the read, without the lock.
    private bool TakeAwaited()
    {
        bool was = _isAwaited;
        _isAwaited = false;
        return was;
    }

    // Without the lock.
    private void GiveUpRead(CancellationToken token)
    {
        bool wasAwaited;
        lock (_lock)
        {
            wasAwaited = TakeAwaited();
        }

        if (wasAwaited)
        {
            _read.RunContinuationsAsynchronously = true;
            _read.SetException(new OperationCanceledException(token));
        }
    }
}

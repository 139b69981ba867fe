using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using Tunnel.Framing.Flow;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The incoming half: bytes that the reader loop puts in and the user takes out. Credit bounds it, so nobody who puts in
/// ever waits. What the user takes is what grants the peer more. One consumer, the user, who has one read at a time. Holds no
/// memory while nothing waits.
/// </summary>
public sealed partial class TunnelStream : IValueTaskSource<ReadResult>
{
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
    private StreamResetException? _failure;
    private bool _isCompleted;

    // ---- the user's -----------------------------------------------------------------------------

    public override bool TryRead(out ReadResult result)
    {
        lock (Gate)
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
        lock (Gate)
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
                static (state, token) => ((TunnelStream)state!).GiveUpRead(token), this);
        }

        return new ValueTask<ReadResult>(this, version);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        bool isGranted;
        InputBlock? free;
        lock (Gate)
        {
            _isHeld = false;

            // A default position consumes nothing: that is how the framework's own copying leaves a reader whose
            // destination has completed.
            if (_bytes.Length == 0 || consumed.GetObject() is not InputBlock)
            {
                return;
            }

            int bytes = _bytes.Offset(consumed);
            int seen = Math.Max(_bytes.Offset(examined), bytes);
            if (bytes < 0 || seen > _bytes.Length)
            {
                throw new InvalidOperationException("A position outside of what was read.");
            }

            // Whoever looked at everything, took less and comes back waits for more than the window may hold.
            bool wantsMore = bytes < _bytes.Length && seen == _bytes.Length;
            _unseen = _bytes.Length - seen;
            free = _bytes.Take(bytes);
            isGranted = (bytes > 0 || wantsMore)
                && Halves is { Receiving: HalfState.Open, ResetWasSent: false }
                && _receiveWindow.Consume(bytes, wantsMore);
            if (isGranted)
            {
                Grant(_streams.Clock.LeastRoundTrip);
            }
        }

        _streams.InputBlocks.Return(free);
        if (isGranted)
        {
            _streams.WakeWriter();
        }
    }

    public override void CancelPendingRead()
    {
        bool wasAwaited;
        lock (Gate)
        {
            _readIsCanceled = true;
            wasAwaited = TakeAwaited();
        }

        if (wasAwaited)
        {
            CompleteRead(mostInline: 0);
        }
    }

    /// <summary>
    /// The user reads no more: what still comes is dropped, and once our own half has ended, the peer is told to stop.
    /// </summary>
    /// <remarks>A read that is pending, which is a fault of the user's, throws: it would wait for bytes that nobody takes in.</remarks>
    public override void Complete(Exception? exception = null)
    {
        InputBlock? free;
        bool wasAwaited;
        bool isUnread;
        lock (Gate)
        {
            if (_isCompleted)
            {
                return;
            }

            _isCompleted = true;
            free = _bytes.TakeAll();
            _unseen = 0;
            wasAwaited = TakeAwaited();
            isUnread = Halves.Receiving == HalfState.Open;
            if (Halves.IsClosed)
            {
                ReturnMemoryIfUnused();
            }

            StopPeerIfUnread();
            GrantUnread();
        }

        _streams.InputBlocks.Return(free);
        if (wasAwaited)
        {
            _read.RunContinuationsAsynchronously = true;
            _read.SetException(new InvalidOperationException("The input was completed while it was read."));
        }

        if (isUnread)
        {
            _streams.WakeWriter();
        }
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        // Waits for a callback that runs right now, so that it cannot meet the next read.
        _cancellation.Dispose();
        _cancellation = default;
        _read.GetResult(token);
        lock (Gate)
        {
            return Hand();
        }
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _read.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _read.OnCompleted(continuation, state, token, flags);

    // ---- whoever took the wait, without the lock ------------------------------------------------

    /// <summary>The user goes on with what was received. Nobody else touches the call until then.</summary>
    /// <param name="isAlone">No other user is woken at the same time.</param>
    internal void Wake(bool isAlone) => CompleteRead(isAlone ? MostInlineAlone : MostInline);

    private void CompleteRead(int mostInline)
    {
        _read.RunContinuationsAsynchronously = mostInline == 0 || !_streams.Options.StreamsRunInline || _bytes.GlanceAtLength() > mostInline;
        _read.SetResult(true);
    }

    private void GiveUpRead(CancellationToken token)
    {
        bool wasAwaited;
        lock (Gate)
        {
            wasAwaited = TakeAwaited();
        }

        if (wasAwaited)
        {
            _read.RunContinuationsAsynchronously = true;
            _read.SetException(new OperationCanceledException(token));
        }
    }

    // ---- below: the lock is held ----------------------------------------------------------------

    /// <summary>The user has said that it reads no more.</summary>
    internal bool InputIsCompleted => _isCompleted;

    private bool HasNews => _unseen > 0 || _hasEnded || _readIsCanceled || _failure is not null;

    // Dropped when nobody will read them.
    private void AppendInput(in ReadOnlySequence<byte> bytes, bool fin)
    {
        if (!_isCompleted && _failure is null)
        {
            _bytes.Append(bytes, _streams.InputBlocks);
            _unseen += bytes.Length;
        }

        _hasEnded |= fin;
    }

    // The pending or the next read throws; the first failure stays. Returns whether a read waits, which is the caller's to wake.
    private bool FailInput(StreamResetException failure)
    {
        _failure ??= failure;
        return TakeAwaited();
    }

    private ReadResult Hand()
    {
        if (_failure is { } failure)
        {
            throw new StreamResetException(failure.Code, failure.Detail);
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

    // Whoever gets true completes the read, without the lock.
    private bool TakeAwaited()
    {
        bool was = _isAwaited;
        _isAwaited = false;
        return was;
    }
}

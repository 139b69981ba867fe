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
internal sealed partial class LiveStream : IValueTaskSource<ReadResult>
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
    private bool _isAwaited;

    // From the moment a read waits until its user has gone on.
    private bool _isReading;

    // ---- the user's -----------------------------------------------------------------------------

    public bool TryRead(TunnelStream life, out ReadResult result)
    {
        lock (Gate)
        {
            ThrowIfBusy(life);
            if (!HasNews)
            {
                result = default;
                return false;
            }

            result = Hand();
            return true;
        }
    }

    public ValueTask<ReadResult> ReadAsync(TunnelStream life, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<ReadResult>(cancellationToken);
        }

        short version;
        lock (Gate)
        {
            ThrowIfBusy(life);
            if (HasNews)
            {
                return new ValueTask<ReadResult>(Hand());
            }

            _read.Reset();
            version = _read.Version;
            _isAwaited = true;
            _isReading = true;
        }

        if (cancellationToken.CanBeCanceled)
        {
            _cancellation = cancellationToken.UnsafeRegister(
                static (state, token) => ((LiveStream)state!).GiveUpRead(token), this);
        }

        return new ValueTask<ReadResult>(this, version);
    }

    public void AdvanceTo(TunnelStream life, SequencePosition consumed, SequencePosition examined)
    {
        bool isGranted;
        InputBlock? free;
        lock (Gate)
        {
            if (_life != life)
            {
                return;
            }

            State.IsHeld = false;

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
            State.Unseen = _bytes.Length - seen;
            free = _bytes.Take(bytes);
            isGranted = (bytes > 0 || wantsMore)
                && State.Halves is { Receiving: HalfState.Open, ResetWasSent: false }
                && _receiveWindow.Consume(bytes, wantsMore);
            if (isGranted)
            {
                Grant(streams.Clock.LeastRoundTrip);
            }
        }

        streams.InputBlocks.Return(free);
        if (isGranted)
        {
            streams.WakeWriter();
        }
    }

    public void CancelPendingRead(TunnelStream life)
    {
        bool wasAwaited;
        lock (Gate)
        {
            if (_life != life)
            {
                return;
            }

            State.ReadIsCanceled = true;
            wasAwaited = TakeAwaited();
        }

        if (wasAwaited)
        {
            CompleteRead(mostInline: 0);
        }
    }

    public void CompleteInput(TunnelStream life)
    {
        InputBlock? free;
        bool wasAwaited;
        bool isUnread;
        lock (Gate)
        {
            if (_life != life || State.IsCompleted)
            {
                return;
            }

            State.IsCompleted = true;
            free = _bytes.TakeAll();
            State.Unseen = 0;
            wasAwaited = TakeAwaited();
            isUnread = State.Halves.Receiving == HalfState.Open;
            if (State.Halves.IsClosed)
            {
                ReturnMemoryIfUnused();
            }

            StopPeerIfUnread();
            GrantUnread();
        }

        streams.InputBlocks.Return(free);
        if (wasAwaited)
        {
            _read.RunContinuationsAsynchronously = true;
            _read.SetException(new InvalidOperationException("The input was completed while it was read."));
        }

        if (isUnread)
        {
            streams.WakeWriter();
        }
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        // Waits for a callback that runs right now, so that it cannot meet the next read.
        _cancellation.Dispose();
        _cancellation = default;
        try
        {
            _read.GetResult(token);
        }
        catch
        {
            lock (Gate)
            {
                _isReading = false;
            }

            throw;
        }

        // In one step: between the two the life may end, and the result would be the next one's.
        lock (Gate)
        {
            _isReading = false;
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
        _read.RunContinuationsAsynchronously = mostInline == 0 || !streams.Options.StreamsRunInline || _bytes.GlanceAtLength() > mostInline;
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

    private bool HasNews => State.Unseen > 0 || State.HasEnded || State.ReadIsCanceled || State.Failure is not null;

    // Dropped when nobody will read them.
    private void AppendInput(in ReadOnlySequence<byte> bytes, bool fin)
    {
        if (!State.IsCompleted && State.Failure is null)
        {
            _bytes.Append(bytes, streams.InputBlocks);
            State.Unseen += bytes.Length;
        }

        State.HasEnded |= fin;
    }

    // The pending or the next read throws; the first failure stays. Returns whether a read waits, which is the caller's to wake.
    private bool FailInput(StreamResetException failure)
    {
        State.Failure ??= failure;
        return TakeAwaited();
    }

    private ReadResult Hand()
    {
        if (State.Failure is { } failure)
        {
            throw new StreamResetException(failure.Code, failure.Detail);
        }

        bool isCanceled = State.ReadIsCanceled;
        State.ReadIsCanceled = false;
        State.IsHeld = true;
        return new ReadResult(_bytes.Sequence, isCanceled, State.HasEnded);
    }

    private void ThrowIfBusy(TunnelStream life)
    {
        if (_life != life || State.IsCompleted || _isAwaited || State.IsHeld)
        {
            throw new InvalidOperationException(
                _life != life || State.IsCompleted ? "The input was completed." : "The last read has not ended, or was not advanced.");
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

using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The incoming half: a pipe that the reader loop fills and the user empties. Credit bounds it, so the pipe itself
/// never pauses its writer. Counts what the user takes, which is what grants the peer more.
/// </summary>
internal sealed class StreamInput : PipeReader
{
    private readonly TunnelStream _stream;
    private readonly StreamActions _actions;
    private readonly Pipe _pipe;
    private ReadOnlySequence<byte> _lastRead;
    private StreamResetException? _failure;

    // The user's own thread only: a read is under way, or its result is in the user's hands.
    private bool _isAwaited;
    private bool _isHeld;
    private int _isCompleted;

    public StreamInput(TunnelStream stream, SessionStreams streams)
    {
        _stream = stream;
        _actions = streams.Actions;
        _pipe = new Pipe(streams.PipeOptions);
    }

    /// <summary>Only the reader loop, or whoever ends the session after that loop, touches the writing end.</summary>
    public PipeWriter Writer => _pipe.Writer;

    /// <summary>The user is through with reading.</summary>
    public bool IsCompleted => Volatile.Read(ref _isCompleted) != 0;

    /// <summary>Nobody will read what still comes.</summary>
    public bool IsUnwanted => IsCompleted || Volatile.Read(ref _failure) is not null;

    /// <summary>Makes a pending or the next read throw; used when we gave the stream up ourselves.</summary>
    public void Fail(StreamResetException failure)
    {
        if (Interlocked.CompareExchange(ref _failure, failure, null) is null)
        {
            _pipe.Reader.CancelPendingRead();
        }
    }

    public override bool TryRead(out ReadResult result)
    {
        ThrowIfFailed();
        if (!_pipe.Reader.TryRead(out result))
        {
            return false;
        }

        result = Remember(result);
        return true;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfFailed();
        ValueTask<ReadResult> read = _pipe.Reader.ReadAsync(cancellationToken);
        if (read.IsCompletedSuccessfully)
        {
            return new ValueTask<ReadResult>(Remember(read.Result));
        }

        _isAwaited = true;
        return AwaitRead(read);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        int bytes = 0;
        bool wantsMore = false;

        // A default position consumes nothing: that is how the framework's own copying leaves a reader whose
        // destination has completed.
        if (!_lastRead.IsEmpty && consumed.GetObject() is not null)
        {
            bytes = (int)_lastRead.Slice(_lastRead.Start, consumed).Length;

            // Whoever looked at everything, took less and comes back waits for more than the window may hold.
            wantsMore = bytes < _lastRead.Length && _lastRead.Slice(examined).IsEmpty;
        }

        _lastRead = default;
        _isHeld = false;
        _pipe.Reader.AdvanceTo(consumed, examined);
        if (bytes > 0 || wantsMore)
        {
            _actions.Consumed(_stream, bytes, wantsMore);
        }
    }

    public override void CancelPendingRead() => _pipe.Reader.CancelPendingRead();

    public override void Complete(Exception? exception = null)
    {
        if (Interlocked.Exchange(ref _isCompleted, 1) == 0)
        {
            DropUnread();
            _pipe.Reader.Complete();
            _actions.InputCompleted(_stream);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> AwaitRead(ValueTask<ReadResult> read)
    {
        try
        {
            return Remember(await read);
        }
        finally
        {
            _isAwaited = false;
        }
    }

    // A pipe keeps its memory until both ends are complete, and ours may go on sending for long.
    private void DropUnread()
    {
        try
        {
            if (_isHeld)
            {
                _pipe.Reader.AdvanceTo(_lastRead.End);
            }

            _lastRead = default;
            if (!_isAwaited && _pipe.Reader.TryRead(out ReadResult unread))
            {
                _pipe.Reader.AdvanceTo(unread.Buffer.End);
            }
        }
        catch (StreamResetException)
        {
            // The writing end is complete too: the memory goes back with ours.
        }
    }

    private ReadResult Remember(in ReadResult result)
    {
        if (result.IsCanceled)
        {
            ThrowIfFailed();
        }

        _lastRead = result.Buffer;
        _isHeld = true;
        return result;
    }

    private void ThrowIfFailed()
    {
        if (Volatile.Read(ref _failure) is { } failure)
        {
            throw new StreamResetException(failure.Code, failure.Detail);
        }
    }
}

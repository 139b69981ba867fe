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
        return read.IsCompletedSuccessfully ? new ValueTask<ReadResult>(Remember(read.Result)) : AwaitRead(read);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        long seen = _lastRead.Length;
        int bytes = seen == 0 ? 0 : (int)_lastRead.Slice(_lastRead.Start, consumed).Length;

        // Whoever looked at everything, took less and comes back waits for more than the window may hold.
        bool wantsMore = bytes < seen && _lastRead.Slice(examined).IsEmpty;
        _lastRead = default;
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
            _lastRead = default;
            _pipe.Reader.Complete();
            _actions.InputCompleted(_stream);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> AwaitRead(ValueTask<ReadResult> read) => Remember(await read);

    private ReadResult Remember(in ReadResult result)
    {
        if (result.IsCanceled)
        {
            ThrowIfFailed();
        }

        _lastRead = result.Buffer;
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

using System.Buffers;
using System.IO.Pipelines;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// The sending half of a <see cref="SocketConnection"/>: collects into pooled blocks, and a flush sends all of them
/// with as few system calls as the socket allows, on the writer's own thread. A block goes back as soon as it was
/// sent; between flushes nothing is held.
/// </summary>
/// <remarks>
/// One producer. <see cref="CancelPendingFlush"/> may come from any thread. Cancelling a flush, by token or by
/// <see cref="CancelPendingFlush"/>, ends the waiting, not the sending: nothing is lost or torn, the next flush waits
/// for both. A flush fails with <see cref="ConnectionBrokenException"/> once the connection is broken, and drops what
/// was collected. <see cref="Complete"/> sends the rest in the background and then ends the sending half (FIN);
/// <see cref="CompleteAsync"/> waits for that. Neither throws when the connection is broken. Completing with an
/// exception resets the connection.
/// </remarks>
internal sealed class SocketPipeWriter : PipeWriter
{
    private readonly SocketSender _sender;
    private readonly SocketConnection _connection;
    private SendBlocks _collected;
    private bool _completed;

    public SocketPipeWriter(SocketSender sender, MemoryPool<byte> pool, SocketConnection connection)
    {
        _sender = sender;
        _connection = connection;
        _collected = new SendBlocks(pool, gate: sender);
    }

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _collected.Bytes;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ThrowIfCompleted();
        return _collected.GetMemory(sizeHint);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes) => _collected.Advance(bytes);

    /// <summary>Collects bytes without a copy. The owner is disposed of once they were sent, or never will be.</summary>
    public void Append(IMemoryOwner<byte> owner, ReadOnlyMemory<byte> bytes)
    {
        ThrowIfCompleted();
        _collected.Append(owner, bytes);
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfCompleted();
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        SendChain chain = _collected.Take();
        return _sender.FlushAsync(ref chain, cancellationToken);
    }

    public override void CancelPendingFlush() => _sender.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        if (exception is not null)
        {
            _connection.Abort();
        }

        if (!_completed)
        {
            _completed = true;
            SendChain chain = _collected.Take();
            _sender.Complete(ref chain);
        }
    }

    public override ValueTask CompleteAsync(Exception? exception = null)
    {
        Complete(exception);
        return new ValueTask(_sender.WhenIdleAsync());
    }

    /// <summary>Takes back what was collected since the last flush.</summary>
    internal void Discard() => _collected.Take().Clear();

    /// <summary>The connection is closed: what was collected and never flushed goes back, unless it is being filled.</summary>
    internal void Close() => _collected.ClearUnlessLent();

    private void ThrowIfCompleted()
    {
        if (_completed)
        {
            throw new InvalidOperationException("The writer was completed.");
        }
    }
}

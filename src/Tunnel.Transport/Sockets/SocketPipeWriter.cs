using System.Buffers;
using System.IO.Pipelines;
using Tunnel.Transport.Buffers;

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
internal sealed class SocketPipeWriter(SocketSender sender, MemoryPool<byte> pool, Action abort) : PipeWriter
{
    private const int Step = 4;

    private SendChain _filling;
    private int _unflushed;
    private int _nextBlock = BlockPool.SmallBlock;
    private bool _lent;
    private bool _completed;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _unflushed;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        ThrowIfCompleted();
        _lent = true;
        if (_filling.Last is { } last && last.FreeLength > 0 && last.FreeLength >= sizeHint)
        {
            return last.Free;
        }

        // Blocks grow within a flush: a small answer takes 4 KiB, a download soon 64 KiB at a time.
        var segment = BufferSegment.Rent(pool.Rent(Math.Max(sizeHint, _nextBlock)));
        _nextBlock = Math.Min(_nextBlock * Step, BlockPool.LargeBlock);
        _filling.Add(segment);
        return segment.Free;
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (_filling.Last is not { } last || bytes > last.FreeLength)
        {
            if (bytes == 0)
            {
                return;
            }

            throw new ArgumentOutOfRangeException(nameof(bytes), bytes, "More than the memory that was asked for.");
        }

        last.Fill(bytes);
        _unflushed += bytes;
        _lent = false;
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfCompleted();
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        StartOver();
        return sender.FlushAsync(ref _filling, cancellationToken);
    }

    public override void CancelPendingFlush() => sender.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        if (exception is not null)
        {
            abort();
        }

        if (!_completed)
        {
            _completed = true;
            StartOver();
            sender.Complete(ref _filling);
        }
    }

    public override ValueTask CompleteAsync(Exception? exception = null)
    {
        Complete(exception);
        return new ValueTask(sender.WhenIdleAsync());
    }

    /// <summary>The connection is closed: what was collected and never flushed goes back, unless it is being filled.</summary>
    internal void Close()
    {
        if (!_lent)
        {
            _filling.Clear();
            _unflushed = 0;
        }
    }

    private void StartOver()
    {
        // What a flush needed is what the next one starts with; an idle writer is back to small blocks.
        _nextBlock = _unflushed > BlockPool.MediumBlock ? BlockPool.LargeBlock : BlockPool.SmallBlock;
        _unflushed = 0;
        _lent = false;
    }

    private void ThrowIfCompleted()
    {
        if (_completed)
        {
            throw new InvalidOperationException("The writer was completed.");
        }
    }
}

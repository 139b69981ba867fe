using System.Buffers;
using System.IO.Pipelines;
using System.Net.Security;
using System.Runtime.CompilerServices;
using Tunnel.Transport.Buffers;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tls;

/// <summary>
/// The output of a <see cref="TlsConnection"/> before it is encrypted: collects into pooled blocks, and a flush makes
/// records of all of them and sends these with one flush of the link. Between flushes nothing is held.
/// </summary>
/// <remarks>
/// One producer. Cancelling a flush ends the waiting, not the sending. <see cref="Complete"/> sends the rest, then
/// close_notify, then the end of the link's sending; <see cref="CompleteAsync"/> waits for that. Neither throws when the
/// connection is broken. Completing with an exception resets the connection.
/// </remarks>
internal sealed class TlsPipeWriter(SslStream tls, LinkStream stream, IConnection link, MemoryPool<byte> pool, TlsFault fault)
    : PipeWriter
{
    private SendBlocks _collected = new(pool, gate: new object());
    private Task _ending = Task.CompletedTask;
    private bool _isCompleted;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _collected.Bytes;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ThrowIfCompleted();
        return _collected.GetMemory(sizeHint);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes) => _collected.Advance(bytes);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfCompleted();
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        // Encrypting never waits for the link, so there is nothing to cancel, and no record is ever torn.
        ValueTask encrypting = EncryptAsync();
        if (!encrypting.IsCompletedSuccessfully)
        {
            return FlushAsync(encrypting, cancellationToken);
        }

        ValueTask<FlushResult> flushing = stream.SendAsync(cancellationToken);
        return flushing.IsCompletedSuccessfully ? flushing : AwaitAsync(flushing);
    }

    public override void CancelPendingFlush() => link.Output.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        if (exception is not null)
        {
            link.Abort();
        }

        if (!_isCompleted)
        {
            _isCompleted = true;
            _ending = EndAsync();
        }
    }

    public override ValueTask CompleteAsync(Exception? exception = null)
    {
        Complete(exception);
        return new ValueTask(_ending);
    }

    /// <summary>Takes back what was collected since the last flush; nothing of it is encrypted yet.</summary>
    internal void Discard() => _collected.Take().Clear();

    /// <summary>The link is closed: waits until nothing is being written, and gives back what was never flushed.</summary>
    internal async ValueTask CloseAsync()
    {
        await _ending;
        _collected.ClearUnlessLent();
    }

    private async ValueTask<FlushResult> FlushAsync(ValueTask encrypting, CancellationToken cancellationToken)
    {
        await encrypting;
        return await AwaitAsync(stream.SendAsync(cancellationToken));
    }

    // What broke the reading half broke this one as well, and the other way round.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> AwaitAsync(ValueTask<FlushResult> flushing)
    {
        try
        {
            return await flushing;
        }
        catch (ConnectionBrokenException error)
        {
            throw fault.Set(error, isTruncated: false);
        }
    }

    private ValueTask EncryptAsync()
    {
        if (fault.IsSet)
        {
            _collected.Take().Clear();
            return ValueTask.FromException(fault.Again());
        }

        return _collected.Bytes == 0 ? ValueTask.CompletedTask : EncryptAsync(_collected.Take());
    }

    private async ValueTask EncryptAsync(SendChain blocks)
    {
        try
        {
            for (BufferSegment? block = blocks.Head; block is not null; block = block.Following)
            {
                await tls.WriteAsync(block.Memory, CancellationToken.None);
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
        {
            throw fault.Set(error, isTruncated: false);
        }
        finally
        {
            blocks.Clear();
        }
    }

    private async Task EndAsync()
    {
        try
        {
            await EncryptAsync();
            await stream.Gate.WaitAsync(CancellationToken.None);
            try
            {
                await tls.ShutdownAsync();
            }
            finally
            {
                stream.Gate.Release();
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // It is broken, and an end that nobody can be told of must not look orderly.
            fault.Set(error, isTruncated: false);
            link.Abort();
        }

        await stream.EndAsync();
    }

    private void ThrowIfCompleted()
    {
        if (_isCompleted)
        {
            throw new InvalidOperationException("The writer was completed.");
        }
    }
}

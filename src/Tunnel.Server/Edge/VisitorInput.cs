using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Tunnel.Server.Edge;

/// <summary>
/// What the visitor sends. While an answer is under way nobody needs to read, but somebody must notice when the visitor
/// leaves: the read for the next request is begun early and kept for whoever reads next.
/// </summary>
/// <param name="visitor">Is told when the visitor ends its sending, or its connection breaks, while nobody reads.</param>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Reliability", "CA2012", Justification = "The early read is kept, and consumed exactly once.")]
internal sealed class VisitorInput(PipeReader link, VisitorConnection visitor) : PipeReader
{
    private ValueTask<ReadResult> _ahead;
    private volatile bool _hasAhead;
    private long _moves;

    /// <summary>Rises with everything taken.</summary>
    public long Moves => Volatile.Read(ref _moves);

    /// <summary>Begins the next read now.</summary>
    public void Watch()
    {
        if (!_hasAhead)
        {
            _hasAhead = true;
            _ahead = ReadAheadAsync();
        }
    }

    /// <summary>Nobody will read any more: waits until the early read has let go of the link.</summary>
    public async ValueTask CloseAsync()
    {
        if (_hasAhead)
        {
            ValueTask<ReadResult> reading = ReadAsync();
            link.CancelPendingRead();
            try
            {
                await reading;
            }
            catch (IOException)
            {
                // It broke; that is one way to end.
            }
        }

        await link.CompleteAsync();
    }

    public override bool TryRead(out ReadResult result)
    {
        if (!_hasAhead)
        {
            return link.TryRead(out result);
        }

        // The early read is asynchronous work: whoever has nothing at hand waits for it.
        result = default;
        return false;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (!_hasAhead)
        {
            return link.ReadAsync(cancellationToken);
        }

        // Whoever cancels from now on means us. A cancellation that the early read has passed over came before this line,
        // and with it whatever the one who cancelled had to say.
        _hasAhead = false;
        Interlocked.MemoryBarrier();
        return _ahead;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        Volatile.Write(ref _moves, _moves + 1);
        link.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => link.CancelPendingRead();

    public override void Complete(Exception? exception = null) => link.Complete(exception);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> ReadAheadAsync()
    {
        try
        {
            while (true)
            {
                ReadResult result = await link.ReadAsync();
                if (result.IsCanceled && _hasAhead)
                {
                    // Meant for a reader, and there is none: the watch goes on.
                    link.AdvanceTo(result.Buffer.Start);
                    continue;
                }

                if (result.IsCompleted)
                {
                    visitor.OnHalfClosed();
                }

                return result;
            }
        }
        catch (IOException)
        {
            visitor.OnBroken();
            throw;
        }
    }
}

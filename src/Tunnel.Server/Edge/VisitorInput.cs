using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Tunnel.Server.Forwarding;

namespace Tunnel.Server.Edge;

/// <summary>
/// What the visitor sends, head after head and, between these, the body of the request under way. While an answer is under
/// way nobody needs to read, but somebody must notice when the visitor leaves: the read for the next request is begun early
/// and kept for whoever reads next.
/// </summary>
/// <param name="visitor">Is told when the visitor ends its sending, or its connection breaks, while nobody reads.</param>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Reliability", "CA2012", Justification = "The early read is kept, and consumed exactly once.")]
internal sealed class VisitorInput(PipeReader link, VisitorConnection visitor) : PipeReader, IVisitorRequest
{
    private ValueTask<ReadResult> _ahead;
    private volatile bool _hasAhead;
    private volatile bool _isLate;
    private volatile bool _awaitsContinue;
    private long _moves;

    public VisitorFacts Facts => visitor.Facts;

    public VisitorLifetime Lifetime => visitor.Lifetime;

    public PipeReader Body => this;

    /// <summary>The time for what was waited for last has passed.</summary>
    public bool IsLate
    {
        get => _isLate;
        set => _isLate = value;
    }

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

    public async ValueTask<ReadResult> ReadBodyAsync(TimeSpan within)
    {
        _isLate = false;
        visitor.BeginUploadWait();
        if (!_awaitsContinue)
        {
            visitor.LimitUploadWait(within);
        }

        try
        {
            return await ReadAsync();
        }
        finally
        {
            visitor.EndUploadWait();
        }
    }

    public void AwaitContinue() => _awaitsContinue = true;

    /// <summary>Whoever waits for a 100 has been told to go on; without effect when nobody does.</summary>
    /// <param name="within">Time for the first bytes.</param>
    public void UploadMayBegin(TimeSpan within)
    {
        if (_awaitsContinue)
        {
            _awaitsContinue = false;
            Interlocked.MemoryBarrier();
            visitor.LimitUploadWait(within);
        }
    }

    /// <summary>A request begins: what the last one waited for is over.</summary>
    public void ForgetContinue() => _awaitsContinue = false;

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
        ValueTask<ReadResult> ahead = _ahead;
        _ahead = default;
        return ahead;
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

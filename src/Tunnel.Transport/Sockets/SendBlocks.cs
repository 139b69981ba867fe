using System.Buffers;
using Tunnel.Transport.Buffers;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// What a writer collects until its next flush, in pooled blocks that grow within a flush: a small answer takes 4 KiB,
/// a download soon 32 KiB at a time (what a stream's smallest window holds fills one).
/// </summary>
/// <remarks>
/// One writer, and whoever closes its connection (<see cref="ClearUnlessLent"/>), perhaps at the same time: the lock is
/// between these two, so that a block goes back once and nobody fills one that has gone back.
/// </remarks>
/// <param name="gate">The lock between the two; nobody else's.</param>
internal struct SendBlocks(MemoryPool<byte> pool, object gate)
{
    private SendChain _filling;
    private int _nextBlock = BlockPool.SmallBlock;
    private bool _isLent;

    /// <summary>Bytes collected.</summary>
    public int Bytes { get; private set; }

    public Memory<byte> GetMemory(int sizeHint)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        lock (gate)
        {
            _isLent = true;
            if (_filling.Last is { } last && last.FreeLength > 0 && last.FreeLength >= sizeHint)
            {
                return last.Free;
            }

            var segment = BufferSegment.Rent(pool.Rent(Math.Max(sizeHint, _nextBlock)));
            _nextBlock = _nextBlock == BlockPool.SmallBlock ? BlockPool.MediumBlock : BlockPool.WideBlock;
            _filling.Add(segment);
            return segment.Free;
        }
    }

    public void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (_filling.Last is { } last && bytes <= last.FreeLength)
        {
            last.Fill(bytes);
            Bytes += bytes;

            // Nobody else touches them until it is seen that we are through.
            Volatile.Write(ref _isLent, false);
        }
        else if (bytes > 0)
        {
            throw new ArgumentOutOfRangeException(nameof(bytes), bytes, "More than the memory that was asked for.");
        }
    }

    /// <summary>Collects bytes where they are; not between a lease and its <see cref="Advance"/>.</summary>
    public void Append(IMemoryOwner<byte> owner, ReadOnlyMemory<byte> bytes)
    {
        lock (gate)
        {
            _filling.Add(BufferSegment.Of(owner, bytes));
            Bytes += bytes.Length;
        }
    }

    /// <summary>Hands over everything collected; the receiver gives the blocks back.</summary>
    public SendChain Take()
    {
        lock (gate)
        {
            // What a flush needed is what the next one starts with; an idle writer is back to small blocks.
            _nextBlock = Bytes > BlockPool.MediumBlock ? BlockPool.WideBlock : BlockPool.SmallBlock;
            Bytes = 0;
            _isLent = false;
            SendChain taken = _filling;
            _filling = default;
            return taken;
        }
    }

    /// <summary>Gives everything back, unless it is being filled at this moment. By whoever closes the connection.</summary>
    public void ClearUnlessLent()
    {
        lock (gate)
        {
            if (!Volatile.Read(ref _isLent))
            {
                Take().Clear();
            }
        }
    }
}

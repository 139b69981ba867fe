using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Tunnel.Transport.Buffers;

/// <summary>
/// One rented block in a chain, filled from the front. The chain owns it; <see cref="Release"/> returns the block
/// to its pool and the segment itself to the process-wide shelf.
/// </summary>
internal sealed class BufferSegment : ReadOnlySequenceSegment<byte>
{
    private static readonly Shelf<BufferSegment> Spare = new(4096);

    private IMemoryOwner<byte>? _owner;
    private Memory<byte> _block;

    private BufferSegment()
    {
    }

    /// <summary>Bytes filled so far.</summary>
    public int Filled { get; private set; }

    public int Capacity => _block.Length;

    public Memory<byte> Free => _block[Filled..];

    public int FreeLength => _block.Length - Filled;

    public BufferSegment? Following => (BufferSegment?)Next;

    /// <summary>Takes over the owner.</summary>
    public static BufferSegment Rent(IMemoryOwner<byte> owner)
    {
        if (!Spare.TryTake(out var segment))
        {
            segment = new BufferSegment();
        }

        segment._owner = owner;
        segment._block = owner.Memory;
        return segment;
    }

    /// <summary>Takes over the owner of bytes that are there already, and has no room for more.</summary>
    public static BufferSegment Of(IMemoryOwner<byte> owner, ReadOnlyMemory<byte> bytes)
    {
        BufferSegment segment = Rent(owner);
        segment._block = MemoryMarshal.AsMemory(bytes);
        segment.Fill(bytes.Length);
        return segment;
    }

    public void Fill(int bytes)
    {
        Debug.Assert(bytes >= 0 && bytes <= FreeLength, "The block was overrun.");
        Filled += bytes;
        Memory = _block[..Filled];
    }

    public void Append(BufferSegment next)
    {
        next.RunningIndex = RunningIndex + Filled;
        Next = next;
    }

    public void Release()
    {
        var owner = _owner;
        _owner = null;
        _block = default;
        Filled = 0;
        Memory = default;
        Next = null;
        RunningIndex = 0;
        owner?.Dispose();
        Spare.TryPut(this);
    }
}

using System.Buffers;

namespace Tunnel.Framing.Flow;

/// <summary>
/// A block of rented memory that holds received bytes of one stream until their user has taken them; a link of the
/// sequence that the user reads.
/// </summary>
internal sealed class InputBlock : ReadOnlySequenceSegment<byte>
{
    private RentedMemory _rented;
    private Memory<byte> _whole;

    /// <summary>The block behind this one in its chain.</summary>
    public InputBlock? Following => (InputBlock?)Next;

    /// <summary>Bytes received into it.</summary>
    public int Written { get; private set; }

    public int Free => _whole.Length - Written;

    /// <summary>Takes as much as fits. Returns the bytes taken.</summary>
    public int Fill(ReadOnlySpan<byte> bytes)
    {
        int some = Math.Min(bytes.Length, Free);
        bytes[..some].CopyTo(_whole.Span[Written..]);
        Written += some;
        Memory = _whole[..Written];
        return some;
    }

    public void Follow(InputBlock next)
    {
        next.RunningIndex = RunningIndex + Written;
        Next = next;
    }

    /// <summary>Its bytes have been taken: from here on it stands before other free ones.</summary>
    public void Unlink(InputBlock? others) => Next = others;

    /// <summary>Begins a life.</summary>
    public void Begin(MemoryPool<byte> memory, int size) => _whole = _rented.Rent(memory, size);

    /// <summary>Gives the memory back and is as new.</summary>
    public void End()
    {
        Next = null;
        Memory = default;
        RunningIndex = 0;
        Written = 0;
        _whole = default;
        _rented.Return();
    }
}

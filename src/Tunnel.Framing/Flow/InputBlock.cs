using System.Buffers;

namespace Tunnel.Framing.Flow;

/// <summary>
/// A block of rented memory that holds received bytes of one stream until their user has taken them; a link of the
/// sequence that the user reads.
/// </summary>
internal sealed class InputBlock : ReadOnlySequenceSegment<byte>
{
    private IMemoryOwner<byte>? _owner;
    private byte[]? _array;
    private Memory<byte> _whole;

    /// <summary>The block behind this one, or the next unused one on the shelf.</summary>
    public InputBlock? Following { get; private set; }

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
        Following = next;
        Next = next;
    }

    /// <summary>Puts it on a shelf, before the ones that are there.</summary>
    public void Shelve(InputBlock? next) => Following = next;

    /// <summary>Begins a life. Of the shared pool the bare array is rented: its owners are new objects each time.</summary>
    public void Begin(MemoryPool<byte> memory, int size)
    {
        if (memory == MemoryPool<byte>.Shared)
        {
            _array = ArrayPool<byte>.Shared.Rent(size);
            _whole = _array;
        }
        else
        {
            _owner = memory.Rent(size);
            _whole = _owner.Memory;
        }
    }

    /// <summary>Gives the memory back and is as new.</summary>
    public void End()
    {
        Following = null;
        Next = null;
        Memory = default;
        RunningIndex = 0;
        Written = 0;
        _whole = default;
        _owner?.Dispose();
        _owner = null;
        if (_array is { } array)
        {
            _array = null;
            ArrayPool<byte>.Shared.Return(array);
        }
    }
}

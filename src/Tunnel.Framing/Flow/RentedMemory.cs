using System.Buffers;

namespace Tunnel.Framing.Flow;

/// <summary>Memory rented for one life of an object that is used again. Not thread-safe: it is its owner's.</summary>
internal struct RentedMemory
{
    private IMemoryOwner<byte>? _owner;
    private byte[]? _array;

    /// <summary>Of the shared pool the bare array is rented: its owners are new objects each time.</summary>
    /// <param name="pool">Where it comes from and goes back to.</param>
    /// <param name="size">Bytes it has at least.</param>
    public Memory<byte> Rent(MemoryPool<byte> pool, int size)
    {
        if (pool == MemoryPool<byte>.Shared)
        {
            _array = ArrayPool<byte>.Shared.Rent(size);
            return _array;
        }

        _owner = pool.Rent(size);
        return _owner.Memory;
    }

    public void Return()
    {
        _owner?.Dispose();
        _owner = null;
        if (_array is { } array)
        {
            _array = null;
            ArrayPool<byte>.Shared.Return(array);
        }
    }
}

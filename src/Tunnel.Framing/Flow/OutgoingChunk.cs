using System.Buffers;

namespace Tunnel.Framing.Flow;

/// <summary>
/// A block of rented memory that a stream's user fills and the writer loop sends from. Shared by reference count:
/// one for whoever fills or queues it, one for every frame taken from it that is not acknowledged, one for every link that
/// sends from it. Whoever releases the last returns the memory, and the chunk itself, to the <see cref="ChunkPool"/>.
/// </summary>
internal sealed class OutgoingChunk(ChunkPool pool) : IMemoryOwner<byte>
{
    private RentedMemory _rented;
    private int _references;

    public OutgoingChunk? Next { get; set; }

    public Memory<byte> Memory { get; private set; }

    /// <summary>Bytes the user has written.</summary>
    public int Written { get; set; }

    /// <summary>Bytes the writer has taken.</summary>
    public int Taken { get; set; }

    public int Free => Memory.Length - Written;

    public void AddReference() => Interlocked.Increment(ref _references);

    public void Release()
    {
        if (Interlocked.Decrement(ref _references) == 0)
        {
            pool.Return(this);
        }
    }

    /// <summary>Releases one reference: that of a link.</summary>
    void IDisposable.Dispose() => Release();

    /// <summary>Begins a life with one reference.</summary>
    public void Begin(MemoryPool<byte> memory, int size)
    {
        Memory = _rented.Rent(memory, size);
        _references = 1;
    }

    /// <summary>Gives the memory back and is as new.</summary>
    public void End()
    {
        Memory = default;
        Written = 0;
        Taken = 0;
        Next = null;
        _rented.Return();
    }
}

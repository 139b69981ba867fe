using System.Buffers;

namespace Tunnel.Transport.Buffers;

/// <summary>
/// The owner of one array of a <see cref="BlockPool"/>. Rented by exactly one party at a time; the first
/// <see cref="Dispose"/> returns it.
/// </summary>
internal sealed class Block(BlockPool pool, byte[] array, int sizeClass) : IMemoryOwner<byte>
{
    private int _rented;

    public byte[] Array { get; } = array;

    /// <summary>Index of the size class, or <see cref="BlockPool.Unpooled"/>.</summary>
    public int SizeClass { get; } = sizeClass;

    public Memory<byte> Memory
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _rented) == 0, this);
            return Array;
        }
    }

    public void MarkRented() => Volatile.Write(ref _rented, 1);

    public void Dispose()
    {
        // The flag decides who returns it: of two racing returns only one gets here first.
        if (Interlocked.Exchange(ref _rented, 0) == 1)
        {
            pool.Return(this);
        }
        else
        {
            pool.OnReturnedTwice();
        }
    }
}

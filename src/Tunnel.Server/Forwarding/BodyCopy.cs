using System.Buffers;
using Tunnel.Transport.Buffers;

namespace Tunnel.Server.Forwarding;

/// <summary>What all copies of bodies may hold together, so that moving requests has a price that is known. Safe from any thread.</summary>
internal sealed class CopyBudget(long most)
{
    private long _used;

    public long Used => Interlocked.Read(ref _used);

    public bool TryTake(int bytes)
    {
        if (Interlocked.Add(ref _used, bytes) <= most)
        {
            return true;
        }

        Return(bytes);
        return false;
    }

    public void Return(int bytes) => Interlocked.Add(ref _used, -bytes);
}

/// <summary>
/// The first bytes of a body as the visitor sent them, kept until it is certain that the session takes the request: with
/// all of them at hand it may still go to another one (docs/protocol.md, section 7, "Detached"). The upload adds, the exchange drops.
/// </summary>
internal sealed class BodyCopy(MemoryPool<byte> pool, CopyBudget budget)
{
    /// <summary>More than a stream takes before its OPEN has left.</summary>
    private const int Most = BlockPool.LargeBlock;

    private readonly Lock _lock = new();
    private IMemoryOwner<byte>? _block;
    private int _taken;

    /// <summary>Every byte taken from the visitor is here.</summary>
    public bool IsWhole { get; private set; }

    public int Length { get; private set; }

    public ReadOnlySequence<byte> Bytes => new(_block!.Memory[..Length]);

    public void Begin()
    {
        lock (_lock)
        {
            DropAll();
            IsWhole = true;
        }
    }

    /// <summary>
    /// Keeps these too. False when it cannot: it stands as it was, and whoever takes these bytes from the visitor all the
    /// same has to <see cref="Drop"/> it first.
    /// </summary>
    public bool TryAdd(in ReadOnlySequence<byte> bytes)
    {
        lock (_lock)
        {
            if (!IsWhole || bytes.IsEmpty)
            {
                return true;
            }

            long length = Length + bytes.Length;
            if (length > Most || !TryGrow((int)length))
            {
                return false;
            }

            bytes.CopyTo(_block!.Memory.Span[Length..]);
            Length = (int)length;
            return true;
        }
    }

    /// <summary>Keeps nothing any more.</summary>
    public void Drop()
    {
        lock (_lock)
        {
            DropAll();
        }
    }

    private void DropAll()
    {
        budget.Return(_taken);
        _taken = 0;
        _block?.Dispose();
        _block = null;
        Length = 0;
        IsWhole = false;
    }

    private bool TryGrow(int length)
    {
        if (_block is not null && _block.Memory.Length >= length)
        {
            return true;
        }

        int size = length <= BlockPool.SmallBlock ? BlockPool.SmallBlock : length <= BlockPool.MediumBlock ? BlockPool.MediumBlock : Most;
        if (!budget.TryTake(size - _taken))
        {
            return false;
        }

        _taken = size;
        IMemoryOwner<byte> larger = pool.Rent(size);
        _block?.Memory[..Length].CopyTo(larger.Memory);
        _block?.Dispose();
        _block = larger;
        return true;
    }
}

using System.Buffers;

namespace Tunnel.Framing.Flow;

/// <summary>
/// The blocks of a session's incoming halves. Keeps a few used objects, never their memory, as <see cref="ChunkPool"/>
/// does for the outgoing ones. Safe from any thread.
/// </summary>
internal sealed class InputBlockPool(MemoryPool<byte> memory)
{
    private const int MostKept = 64;

    private readonly Lock _lock = new();
    private InputBlock? _kept;
    private int _count;

    public InputBlock Rent(int size)
    {
        InputBlock? block;
        lock (_lock)
        {
            block = _kept;
            if (block is not null)
            {
                _kept = block.Following;
                block.Shelve(null);
                _count--;
            }
        }

        block ??= new InputBlock();
        block.Begin(memory, size);
        return block;
    }

    public void Return(InputBlock block)
    {
        block.End();
        lock (_lock)
        {
            if (_count < MostKept)
            {
                block.Shelve(_kept);
                _kept = block;
                _count++;
            }
        }
    }

    /// <summary>The same for a chain of blocks; null: none.</summary>
    public void ReturnAll(InputBlock? chain)
    {
        while (chain is { } block)
        {
            chain = block.Following;
            Return(block);
        }
    }
}

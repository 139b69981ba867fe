using System.Buffers;

namespace Tunnel.Framing.Flow;

/// <summary>The blocks of a session's incoming halves. Safe from any thread.</summary>
internal sealed class InputBlockPool(MemoryPool<byte> memory)
{
    private readonly Spares<InputBlock> _spares = new();

    public InputBlock Rent(int size)
    {
        InputBlock block = _spares.TryTake(out InputBlock? spare) ? spare : new InputBlock();
        block.Begin(memory, size);
        return block;
    }

    /// <summary>Takes a chain of blocks back; null: none.</summary>
    public void Return(InputBlock? chain)
    {
        while (chain is { } block)
        {
            chain = block.Following;
            block.End();
            _spares.Keep(block);
        }
    }
}

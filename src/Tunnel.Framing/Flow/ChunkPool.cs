using System.Buffers;

namespace Tunnel.Framing.Flow;

/// <summary>The chunks of a session's streams. Safe from any thread: users rent, and whoever lets go of a frame last returns.</summary>
internal sealed class ChunkPool(MemoryPool<byte> memory)
{
    private readonly Spares<OutgoingChunk> _spares = new();

    public OutgoingChunk Rent(int size)
    {
        OutgoingChunk chunk = _spares.TryTake(out OutgoingChunk? spare) ? spare : new OutgoingChunk(this);
        chunk.Begin(memory, size);
        return chunk;
    }

    public void Return(OutgoingChunk chunk)
    {
        chunk.End();
        _spares.Keep(chunk);
    }
}

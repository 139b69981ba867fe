using System.Buffers;

namespace Tunnel.Framing.Flow;

/// <summary>
/// The chunks of a session's streams. Keeps a few used objects, never their memory, so that steady traffic allocates
/// nothing and an idle session holds no buffer. Safe from any thread: the writer loop returns without the session's lock.
/// </summary>
internal sealed class ChunkPool(MemoryPool<byte> memory)
{
    private const int MostKept = 64;

    private readonly Lock _lock = new();
    private OutgoingChunk? _kept;
    private int _count;

    public OutgoingChunk Rent(int size)
    {
        OutgoingChunk? chunk;
        lock (_lock)
        {
            chunk = _kept;
            if (chunk is not null)
            {
                _kept = chunk.Next;
                _count--;
            }
        }

        chunk ??= new OutgoingChunk(this);
        chunk.Next = null;
        chunk.Begin(memory, size);
        return chunk;
    }

    public void Return(OutgoingChunk chunk)
    {
        chunk.End();
        lock (_lock)
        {
            if (_count < MostKept)
            {
                chunk.Next = _kept;
                _kept = chunk;
                _count++;
            }
        }
    }
}

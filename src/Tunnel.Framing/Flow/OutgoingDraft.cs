using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Flow;

/// <summary>
/// What the user of a stream has written and not flushed: its own alone, so that writing takes no lock. A flush hands it over
/// to the <see cref="OutgoingBuffer"/>. Not thread-safe. Holds nothing while nothing is written.
/// </summary>
internal struct OutgoingDraft
{
    internal const int SmallChunk = 4 * 1024;
    private const int LargeChunk = ProtocolLimits.SentPayload;

    private OutgoingChunk? _last;
    private bool _wasBulk;

    /// <summary>The oldest chunk; null: nothing is held. Some may be empty: a lease need not be used.</summary>
    public OutgoingChunk? First { readonly get; private set; }

    /// <summary>Bytes written.</summary>
    public int Bytes { readonly get; private set; }

    /// <summary>Memory to write into, at least <paramref name="sizeHint"/> bytes.</summary>
    public Memory<byte> Lease(ChunkPool pool, int sizeHint)
    {
        int wanted = Math.Max(sizeHint, 1);
        if (_last is null || _last.Free < wanted)
        {
            bool isBulk = _wasBulk || First is not null;
            Append(pool.Rent(Math.Max(wanted, isBulk ? LargeChunk : SmallChunk)));
        }

        return _last!.Memory[_last.Written..];
    }

    /// <summary>So much of the leased memory was filled.</summary>
    public void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (_last is null || bytes > _last.Free)
        {
            throw new InvalidOperationException("More bytes are said to be written than the memory had.");
        }

        _last.Written += bytes;
        Bytes += bytes;
    }

    /// <summary>The caller takes all chunks over, the first of them first: the draft is empty.</summary>
    public OutgoingChunk? TakeAll()
    {
        OutgoingChunk? first = First;
        _wasBulk = Bytes > SmallChunk;
        First = null;
        _last = null;
        Bytes = 0;
        return first;
    }

    /// <summary>Nothing of it is wanted.</summary>
    public void Drop()
    {
        for (OutgoingChunk? next = TakeAll(); next is { } chunk;)
        {
            next = chunk.Next;
            chunk.Release();
        }
    }

    private void Append(OutgoingChunk chunk)
    {
        if (_last is null)
        {
            First = chunk;
        }
        else
        {
            _last.Next = chunk;
        }

        _last = chunk;
    }
}

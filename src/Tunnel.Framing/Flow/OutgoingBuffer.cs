namespace Tunnel.Framing.Flow;

/// <summary>
/// The flushed bytes of one stream that wait for the writer. Its stream's lock guards it. Holds nothing while
/// nothing waits.
/// </summary>
internal struct OutgoingBuffer
{
    /// <summary>So much is copied behind what waits, if there is room: less than a quarter of a chunk is not worth one.</summary>
    private const int MostCopied = OutgoingDraft.SmallChunk / 4;

    private OutgoingChunk? _first;
    private OutgoingChunk? _last;
    private bool _isDropped;

    /// <summary>Memory rented for what waits; the bound on it is on this, not on the payload.</summary>
    public int RentedBytes { readonly get; private set; }

    /// <summary>Bytes that wait.</summary>
    public int WaitingBytes { readonly get; private set; }

    /// <summary>Everything the user has written may be sent; or vanishes, when nothing is sent any more.</summary>
    public void Publish(ref OutgoingDraft draft)
    {
        int bytes = draft.Bytes;
        OutgoingChunk? next = draft.TakeAll();
        bool isCopied = bytes <= MostCopied && _last is { } last && bytes <= last.Free;
        while (next is { } chunk)
        {
            next = chunk.Next;
            chunk.Next = null;
            if (_isDropped || chunk.Written == 0)
            {
                chunk.Release();
                continue;
            }

            WaitingBytes += chunk.Written;
            if (isCopied)
            {
                chunk.Memory[..chunk.Written].CopyTo(_last!.Memory[_last.Written..]);
                _last.Written += chunk.Written;
                chunk.Release();
            }
            else
            {
                Append(chunk);
            }
        }
    }

    /// <summary>
    /// Takes up to <paramref name="most"/> bytes, in one piece. The chunk is the taker's to release.
    /// </summary>
    public (OutgoingChunk? Chunk, ReadOnlyMemory<byte> Bytes) Take(int most)
    {
        OutgoingChunk? chunk = _first;
        if (chunk is null || most <= 0)
        {
            return default;
        }

        int bytes = Math.Min(most, chunk.Written - chunk.Taken);
        Memory<byte> slice = chunk.Memory.Slice(chunk.Taken, bytes);
        chunk.Taken += bytes;
        WaitingBytes -= bytes;
        if (chunk.Taken < chunk.Written)
        {
            chunk.AddReference();
        }
        else
        {
            // Ours becomes the taker's.
            Unlink(chunk);
        }

        return (chunk, slice);
    }

    /// <summary>Nothing more will be sent: what waits vanishes, and so does all that is published from now on.</summary>
    public void Drop()
    {
        _isDropped = true;
        WaitingBytes = 0;
        while (_first is { } chunk)
        {
            Unlink(chunk);
            chunk.Release();
        }
    }

    private void Append(OutgoingChunk chunk)
    {
        RentedBytes += chunk.Memory.Length;
        if (_last is null)
        {
            _first = chunk;
        }
        else
        {
            _last.Next = chunk;
        }

        _last = chunk;
    }

    private void Unlink(OutgoingChunk chunk)
    {
        _first = chunk.Next;
        if (_first is null)
        {
            _last = null;
        }

        RentedBytes -= chunk.Memory.Length;
    }
}

using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Flow;

/// <summary>
/// The bytes of one stream that wait for the writer. The user writes into leased memory without the lock; all
/// methods here are called with the session's lock held. Nothing is held while nothing waits.
/// </summary>
internal sealed class OutgoingBuffer(ChunkPool pool)
{
    private const int SmallChunk = 4 * 1024;
    private const int LargeChunk = ProtocolLimits.SentPayload;

    private OutgoingChunk? _head;
    private OutgoingChunk? _tail;
    private bool _isLeased;
    private bool _isBulk;
    private bool _isDropped;

    /// <summary>Memory rented for what waits; the bound on it is on this, not on the payload.</summary>
    public int RentedBytes { get; private set; }

    /// <summary>Flushed bytes that wait for the writer.</summary>
    public int WaitingBytes { get; private set; }

    /// <summary>Bytes written and not yet flushed.</summary>
    public int UnflushedBytes { get; private set; }

    /// <summary>Memory for the user to write into, at least <paramref name="sizeHint"/> bytes.</summary>
    public Memory<byte> Lease(int sizeHint)
    {
        int wanted = Math.Max(sizeHint, 1);
        if (_tail is null || _tail.Free < wanted)
        {
            Append(Math.Max(wanted, _isBulk ? LargeChunk : SmallChunk));
            _isBulk = true;
        }

        _isLeased = true;
        return _tail!.Memory[_tail.Written..];
    }

    /// <summary>The user filled so much of the leased memory.</summary>
    public void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (_tail is null || bytes > _tail.Free)
        {
            throw new InvalidOperationException("More bytes are said to be written than the memory had.");
        }

        _tail.Written += bytes;
        UnflushedBytes += bytes;
    }

    /// <summary>Everything written may be sent; the lease ends.</summary>
    public void Publish()
    {
        _isLeased = false;
        for (OutgoingChunk? chunk = _head; chunk is not null; chunk = chunk.Next)
        {
            WaitingBytes += chunk.Written - chunk.Published;
            chunk.Published = chunk.Written;
        }

        UnflushedBytes = 0;
        if (_isDropped)
        {
            Drop();
        }
        else
        {
            ReleaseEmptyHead();
        }
    }

    /// <summary>
    /// Takes up to <paramref name="most"/> waiting bytes, in one piece. The chunk is the taker's to release.
    /// </summary>
    public (OutgoingChunk? Chunk, ReadOnlyMemory<byte> Bytes) Take(int most)
    {
        OutgoingChunk? chunk = _head;
        if (chunk is null || most <= 0 || WaitingBytes == 0)
        {
            return default;
        }

        int bytes = Math.Min(most, chunk.Published - chunk.Taken);
        Memory<byte> slice = chunk.Memory.Slice(chunk.Taken, bytes);
        chunk.AddReference();
        chunk.Taken += bytes;
        WaitingBytes -= bytes;
        ReleaseEmptyHead();
        return (chunk, slice);
    }

    /// <summary>
    /// Nothing more will be sent: what waits vanishes. What the user may be writing into right now stays until the
    /// lease ends.
    /// </summary>
    public void Drop()
    {
        _isDropped = true;
        WaitingBytes = 0;
        while (_head is { } chunk && !(chunk == _tail && _isLeased))
        {
            Unlink(chunk);
        }

        UnflushedBytes = 0;
        if (_head is { } leased)
        {
            // All of it counts as sent, so that nothing is taken from here again.
            leased.Published = leased.Written;
            leased.Taken = leased.Written;
        }
    }

    private void Append(int size)
    {
        OutgoingChunk chunk = pool.Rent(size);
        RentedBytes += chunk.Memory.Length;
        if (_tail is null)
        {
            _head = chunk;
        }
        else
        {
            _tail.Next = chunk;
        }

        _tail = chunk;
    }

    private void ReleaseEmptyHead()
    {
        // A leased tail stays: the user may be writing into it right now.
        while (_head is { } chunk && chunk.Taken == chunk.Written && !(chunk == _tail && _isLeased))
        {
            _isBulk &= _head != _tail || chunk.Free == 0;
            Unlink(chunk);
        }
    }

    private void Unlink(OutgoingChunk chunk)
    {
        _head = chunk.Next;
        if (_head is null)
        {
            _tail = null;
        }

        RentedBytes -= chunk.Memory.Length;
        chunk.Release();
    }
}

using System.Buffers;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Resume;

/// <summary>
/// The sequenced frames of our direction from the moment they have their place until the peer has acknowledged them
/// (docs/protocol.md, section 7). Every link is fed from here, the first one like those that come after a loss: a new link
/// only begins where the peer says that it stands.
/// </summary>
/// <remarks>
/// Two parties meet here. The writer loop appends with the session's lock held, and copies to the link without it, because
/// nobody else touches what is not yet sent. Everyone else holds the lock, and touches only what was sent. Holds no memory
/// while nothing is unacknowledged.
/// </remarks>
internal sealed class ReplayBuffer
{
    /// <summary>A payload from here on stays where it is; below, copying costs less than the memory it would hold.</summary>
    private const int LeastInPlace = 4 * 1024;

    private const int PackSize = 16 * 1024;

    /// <summary>Places for frames that are always there; more are rented, and go back as soon as nothing is unacknowledged.</summary>
    private const int OwnPlaces = 16;

    private readonly SentFrame[] _ownRing = new SentFrame[OwnPlaces];

    // Frames are numbered for ever; a number's place in the ring is its low bits. A rented ring may be longer than its mask says.
    private SentFrame[] _ring;
    private int _mask = OwnPlaces - 1;
    private long _first;
    private long _end;

    // The writer loop's, while a link is up.
    private long _next;
    private ulong _sent;

    private readonly ChunkPool _chunks;
    private OutgoingChunk? _pack;

    public ReplayBuffer(ChunkPool chunks)
    {
        _chunks = chunks;
        _ring = _ownRing;
    }

    /// <summary>Sequenced bytes that have their place: header and payload of whole frames.</summary>
    public ulong Count { get; private set; }

    public ulong Acknowledged { get; private set; }

    public ulong Unacknowledged => Count - Acknowledged;

    /// <summary>Bytes that have their place and have not been put on the present link. The writer loop's.</summary>
    public ulong Unsent => Count - _sent;

    /// <summary>Something was put on the present link that the peer has not acknowledged.</summary>
    public bool IsAckAwaited => Acknowledged < Volatile.Read(ref _sent);

    /// <summary>So much is unacknowledged that streams have to wait.</summary>
    public bool IsFull => Kept >= ProtocolLimits.ReplayBytes;

    /// <summary>So much is unacknowledged that the peer must be one that acknowledges nothing.</summary>
    public bool IsOverfull => Kept > ProtocolLimits.MostUnacknowledged;

    /// <summary>Frames there is room for before more is rented.</summary>
    public int Places => _mask + 1;

    /// <summary>What the frames kept here count for, in bytes.</summary>
    private ulong Kept => Unacknowledged + ((ulong)(_end - _first) * ProtocolLimits.KeptPerFrame);

    /// <summary>Adds a frame that has no stream bytes; the payload is written to what is returned, at once.</summary>
    public Span<byte> Append(in FrameHeader header)
    {
        Memory<byte> front = Front(header.FrameSize, out OutgoingChunk pack);
        header.Write(front.Span);
        Add(new SentFrame(0, front, pack, default, null));
        return front.Span[FrameHeader.Size..];
    }

    /// <summary>Adds OPEN or DATA.</summary>
    /// <param name="open">The header of OPEN; null: DATA.</param>
    /// <param name="chunk">Where <paramref name="bytes"/> lie; the caller's reference is taken over.</param>
    public void Append(in FrameHeader header, in OpenHeader? open, ReadOnlyMemory<byte> bytes, OutgoingChunk? chunk)
    {
        bool inPlace = bytes.Length >= LeastInPlace || (chunk is not null && bytes.Length > PackSize / 16 && bytes.Length * 2 >= chunk.Memory.Length);
        int size = header.FrameSize - (inPlace ? bytes.Length : 0);
        Memory<byte> front = Front(size, out OutgoingChunk pack);
        header.Write(front.Span);
        open?.Write(front.Span[FrameHeader.Size..]);
        if (inPlace)
        {
            Add(new SentFrame(0, front, pack, bytes, chunk));
            return;
        }

        bytes.CopyTo(front[(size - bytes.Length)..]);
        Add(new SentFrame(0, front, pack, default, null));
        chunk?.Release();
    }

    /// <summary>The next frame for the present link. The writer loop's, without the lock.</summary>
    public bool TryPeek(out SentFrame frame)
    {
        bool any = _next < _end;
        frame = any ? _ring[_next & _mask] : default;
        return any;
    }

    /// <summary>The frame peeked at was copied to the link. The writer loop's, without the lock.</summary>
    public void Sent(in SentFrame frame)
    {
        _next++;

        // Whoever judges an ACK by this sees a frame that needs its memory no more.
        Volatile.Write(ref _sent, frame.End);
    }

    /// <summary>The peer has everything up to here. Returns false when that was known.</summary>
    /// <exception cref="ProtocolViolationException">The count goes back, is above what was sent, or inside a frame.</exception>
    public bool Acknowledge(ulong count) => Forget(count, Volatile.Read(ref _sent));

    /// <summary>
    /// A new link begins behind what the peer has: <paramref name="count"/> is an acknowledgement, and the rest goes out
    /// again. No writer loop may run.
    /// </summary>
    /// <exception cref="ProtocolViolationException">As for <see cref="Acknowledge"/>.</exception>
    public void Rewind(ulong count)
    {
        Forget(count, Count);
        _next = _first;
        _sent = Acknowledged;
    }

    /// <summary>The session is over: all memory goes back. No writer loop may run.</summary>
    public void Clear()
    {
        while (_first < _end)
        {
            ReleaseFirst();
        }

        _next = _end;
        _sent = Count;
        OnEmpty();
    }

    private bool Forget(ulong count, ulong most)
    {
        if (count < Acknowledged || count > most)
        {
            throw new ProtocolViolationException(
                CloseCode.BadAck, $"A count of {count} after {Acknowledged}, with {most} sent.");
        }

        bool isNew = count > Acknowledged;
        while (_first < _end && _ring[_first & _mask].End <= count)
        {
            Acknowledged = _ring[_first & _mask].End;
            ReleaseFirst();
        }

        if (Acknowledged != count)
        {
            throw new ProtocolViolationException(CloseCode.BadAck, $"A count of {count}, which lies inside a frame.");
        }

        if (_first == _end)
        {
            OnEmpty();
        }

        return isNew;
    }

    // Here the writer loop looks at no place of the ring: it has sent all there was.
    private void OnEmpty()
    {
        Unpack();
        ReturnRing();
        _ring = _ownRing;
        _mask = OwnPlaces - 1;
    }

    private void Add(in SentFrame frame)
    {
        if (_end - _first > _mask)
        {
            Grow();
        }

        Count += (ulong)frame.Size;
        _ring[_end & _mask] = frame with { End = Count };
        _end++;
    }

    // The writer loop runs this, so it cannot meet that loop's own reading.
    private void Grow()
    {
        int places = (_mask + 1) * 2;
        SentFrame[] larger = ArrayPool<SentFrame>.Shared.Rent(places);
        for (long number = _first; number < _end; number++)
        {
            ref SentFrame frame = ref _ring[number & _mask];
            larger[number & (places - 1)] = frame;
            frame = default;
        }

        ReturnRing();
        _ring = larger;
        _mask = places - 1;
    }

    // Whoever took a frame out has left an empty place, so what goes back holds on to nothing.
    private void ReturnRing()
    {
        if (_ring != _ownRing)
        {
            ArrayPool<SentFrame>.Shared.Return(_ring);
        }
    }

    private void ReleaseFirst()
    {
        ref SentFrame frame = ref _ring[_first & _mask];
        frame.Release();
        frame = default;
        _first++;
    }

    private Memory<byte> Front(int size, out OutgoingChunk pack)
    {
        if (_pack is null || _pack.Free < size)
        {
            Unpack();
            _pack = _chunks.Rent(Math.Max(PackSize, size));
        }

        pack = _pack;
        pack.AddReference();
        Memory<byte> front = pack.Memory.Slice(pack.Written, size);
        pack.Written += size;
        return front;
    }

    private void Unpack()
    {
        _pack?.Release();
        _pack = null;
    }
}

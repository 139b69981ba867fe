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
/// It is the writer loop's, or, while no such loop runs, whoever changes links. The reader loop only leaves the count of an ACK
/// here (<see cref="Acknowledge"/>), and anybody may look at the counts: no lock. Memory that an ACK frees goes back in the
/// writer's next turn (<see cref="Forget"/>), and what a link sends from has a reference of its own: no count of a peer's
/// takes memory from under a socket. Holds none while nothing is unacknowledged.
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
    private long _next;
    private long _end;
    private OutgoingChunk? _pack;

    private readonly ChunkPool _chunks;
    private readonly ulong _most;

    // Written by one party each, read by all.
    private ulong _count;
    private ulong _sent;
    private ulong _acknowledged;
    private ulong _forgotten;
    private int _isAwaited;

    /// <param name="most">Unacknowledged bytes from which on streams have to wait.</param>
    public ReplayBuffer(ChunkPool chunks, int most = ProtocolLimits.ReplayBytes)
    {
        _chunks = chunks;
        _most = (ulong)most;
        _ring = _ownRing;
    }

    /// <summary>Sequenced bytes that have their place: header and payload of whole frames.</summary>
    public ulong Count => Volatile.Read(ref _count);

    public ulong Acknowledged => Volatile.Read(ref _acknowledged);

    public ulong Unacknowledged => Count - Acknowledged;

    /// <summary>Bytes that have their place and have not been put on the present link.</summary>
    public ulong Unsent => _count - _sent;

    /// <summary>Something was put on the present link that the peer has not acknowledged.</summary>
    public bool IsAckAwaited => Acknowledged < Volatile.Read(ref _sent);

    /// <summary>
    /// The writer loop is wanted for what was acknowledged: it has stopped at the bound, or much memory would go back.
    /// </summary>
    public bool WantsForget =>
        Volatile.Read(ref _isAwaited) != 0 || Acknowledged - Volatile.Read(ref _forgotten) >= 2 * ProtocolLimits.AckEvery;

    /// <summary>So much is unacknowledged that streams have to wait.</summary>
    public bool IsFull => Kept >= ProtocolLimits.ReplayBytes || Unacknowledged >= _most;

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

    /// <summary>Adds RESET.</summary>
    public void AppendReset(uint id, ResetCode code, string detail)
    {
        Span<byte> payload = stackalloc byte[CodeAndSentence.MostSize];
        int length = CodeAndSentence.Write(payload, (ushort)code, detail);
        payload[..length].CopyTo(Append(new FrameHeader(id, FrameKind.Reset, length)));
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

    /// <summary>The next frame for the present link.</summary>
    public bool TryPeek(out SentFrame frame)
    {
        bool any = _next < _end;
        frame = any ? _ring[_next & _mask] : default;
        return any;
    }

    /// <summary>The frame peeked at is on the link.</summary>
    public void Sent(in SentFrame frame)
    {
        _next++;
        Volatile.Write(ref _sent, frame.End);
    }

    /// <summary>
    /// The peer has everything up to here. The reader loop's. Returns false when that was known. Whether the count lies between
    /// two frames is found by <see cref="Forget"/>.
    /// </summary>
    /// <exception cref="ProtocolViolationException">The count goes back, or is above what was sent.</exception>
    public bool Acknowledge(ulong count)
    {
        ulong known = _acknowledged;
        Check(count, known, Volatile.Read(ref _sent));

        // A full barrier on both sides: the writer sees the count, or whoever calls this sees that it is awaited.
        Interlocked.Exchange(ref _acknowledged, count);
        return count != known;
    }

    /// <summary>Nothing more may be added for streams until an acknowledgement comes; that one finds <see cref="WantsForget"/>.</summary>
    /// <exception cref="ProtocolViolationException">As for <see cref="Forget"/>.</exception>
    public bool MustWait()
    {
        while (IsFull)
        {
            // Forgetting ends the wait for an acknowledgement, and may not free enough: it is begun anew then.
            Interlocked.Exchange(ref _isAwaited, 1);
            if (Acknowledged == _forgotten)
            {
                return true;
            }

            Forget();
        }

        return false;
    }

    /// <summary>Lets go of what the peer has acknowledged.</summary>
    /// <exception cref="ProtocolViolationException">It acknowledged a part of a frame.</exception>
    public void Forget()
    {
        ulong count = Acknowledged;
        if (count == _forgotten)
        {
            return;
        }

        Volatile.Write(ref _isAwaited, 0);
        ulong end = _forgotten;
        while (_first < _end && _ring[_first & _mask].End <= count)
        {
            end = _ring[_first & _mask].End;
            ReleaseFirst();
        }

        Volatile.Write(ref _forgotten, end);
        if (end != count)
        {
            throw new ProtocolViolationException(CloseCode.BadAck, $"A count of {count}, which lies inside a frame.");
        }

        if (_first == _end)
        {
            OnEmpty();
        }
    }

    /// <summary>
    /// A new link begins behind what the peer has: <paramref name="count"/> is an acknowledgement, and the rest goes out
    /// again. No writer loop may run.
    /// </summary>
    /// <exception cref="ProtocolViolationException">As for <see cref="Acknowledge"/> and <see cref="Forget"/>.</exception>
    public void Rewind(ulong count)
    {
        Check(count, _acknowledged, _count);
        Volatile.Write(ref _acknowledged, count);
        Forget();
        _next = _first;
        Volatile.Write(ref _sent, count);
    }

    /// <summary>The session is over: all memory goes back. No writer loop may run.</summary>
    public void Clear()
    {
        while (_first < _end)
        {
            ReleaseFirst();
        }

        _next = _end;
        Volatile.Write(ref _sent, _count);
        OnEmpty();
    }

    private static void Check(ulong count, ulong known, ulong most)
    {
        if (count < known || count > most)
        {
            throw new ProtocolViolationException(CloseCode.BadAck, $"A count of {count} after {known}, with {most} sent.");
        }
    }

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

        ulong end = _count + (ulong)frame.Size;
        _ring[_end & _mask] = frame with { End = end };
        _end++;
        Volatile.Write(ref _count, end);
    }

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

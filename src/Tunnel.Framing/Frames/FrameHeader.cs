using System.Buffers.Binary;

namespace Tunnel.Framing.Frames;

/// <summary>The eight bytes before every payload: <c>[RequestId | K | Length]</c> (docs/protocol.md, section 2).</summary>
/// <param name="StreamId">RequestId: 0 is the session itself.</param>
/// <param name="K">Kind, FIN and the reserved bits, as on the wire.</param>
/// <param name="Length">Payload bytes that follow, 0 to 2^24-1.</param>
public readonly record struct FrameHeader(uint StreamId, byte K, int Length)
{
    /// <summary>Bytes of a header on the wire.</summary>
    public const int Size = 8;

    private const byte FinBit = 0x80;
    private const byte ReservedBits = 0x60;
    private const byte KindBits = 0x1F;

    // From here on kinds are unsequenced again: reserved for what may get lost with its link.
    private const FrameKind FirstDatagram = (FrameKind)0x18;

    public FrameHeader(uint streamId, FrameKind kind, int length, bool fin = false)
        : this(streamId, (byte)((byte)kind | (fin ? FinBit : 0)), length)
    {
    }

    public FrameKind Kind => (FrameKind)(K & KindBits);

    /// <summary>The sender's half of the stream ends with this frame.</summary>
    public bool IsFin => (K & FinBit) != 0;

    public bool HasReservedBits => (K & ReservedBits) != 0;

    /// <summary>Bytes of the whole frame: what it adds to the sequence.</summary>
    public int FrameSize => Size + Length;

    /// <summary>Sequenced frames are counted and acknowledged (docs/protocol.md, section 7).</summary>
    public bool IsSequenced => Kind is >= FrameKind.Bind and < FirstDatagram;

    /// <summary>Writes the header into the first <see cref="Size"/> bytes of <paramref name="destination"/>.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, StreamId);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], ((uint)K << 24) | (uint)Length);
    }

    /// <summary>Reads a header from the first <see cref="Size"/> bytes; judges nothing.</summary>
    public static FrameHeader Read(ReadOnlySpan<byte> source)
    {
        uint word = BinaryPrimitives.ReadUInt32BigEndian(source[4..]);
        return new FrameHeader(BinaryPrimitives.ReadUInt32BigEndian(source), (byte)(word >> 24), (int)(word & 0xFF_FFFF));
    }
}

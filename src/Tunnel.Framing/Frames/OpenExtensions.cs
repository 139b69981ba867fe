using System.Buffers;
using System.Buffers.Binary;

namespace Tunnel.Framing.Frames;

/// <summary>
/// The extensions at the end of an OPEN header (docs/protocol.md, section 4, "Extensions"): each has a type, a length and a value,
/// and those whose type is not known are skipped. Their types rise, so that none can come twice.
/// </summary>
internal static class OpenExtensions
{
    /// <summary>Bytes of the extension that numbers the visitor's connection.</summary>
    public const int ConnectionSize = HeadSize + sizeof(ulong);

    private const byte ConnectionType = 1;

    // u8 type, u16 length of the value.
    private const int HeadSize = 3;

    public static void WriteConnection(Span<byte> destination, ulong connection)
    {
        destination[0] = ConnectionType;
        BinaryPrimitives.WriteUInt16BigEndian(destination[1..], sizeof(ulong));
        BinaryPrimitives.WriteUInt64BigEndian(destination[HeadSize..], connection);
    }

    /// <summary>Walks through all of them and returns the number of the visitor's connection; 0: there is none.</summary>
    /// <param name="extensions">At most <see cref="OpenHeader.MostSize"/> bytes.</param>
    /// <exception cref="ProtocolViolationException">One is cut off, out of order, there again, or not what its type has.</exception>
    public static ulong ReadConnection(in ReadOnlySequence<byte> extensions)
    {
        Span<byte> copy = stackalloc byte[extensions.IsSingleSegment ? 0 : OpenHeader.MostSize];
        scoped ReadOnlySpan<byte> rest = extensions.FirstSpan;
        if (!extensions.IsSingleSegment)
        {
            extensions.CopyTo(copy);
            rest = copy[..(int)extensions.Length];
        }

        ulong connection = 0;
        for (int last = -1; !rest.IsEmpty;)
        {
            int length = rest.Length < HeadSize ? int.MaxValue : BinaryPrimitives.ReadUInt16BigEndian(rest[1..]);
            if (length > rest.Length - HeadSize)
            {
                throw OpenHeader.Malformed("has an extension that is longer than its header");
            }

            int type = rest[0];
            if (type <= last)
            {
                throw OpenHeader.Malformed($"has extension {type} behind {last}");
            }

            if (type == ConnectionType)
            {
                connection = ReadNumber(rest.Slice(HeadSize, length));
            }

            last = type;
            rest = rest[(HeadSize + length)..];
        }

        return connection;
    }

    private static ulong ReadNumber(ReadOnlySpan<byte> value) =>
        value.Length == sizeof(ulong) && BinaryPrimitives.ReadUInt64BigEndian(value) is > 0 and ulong number
            ? number
            : throw OpenHeader.Malformed("has a connection number that is none");
}

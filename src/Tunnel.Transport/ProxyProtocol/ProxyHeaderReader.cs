using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Numerics;

namespace Tunnel.Transport.ProxyProtocol;

/// <summary>
/// Reads a PROXY protocol header, version 1 (text) or 2 (binary), from the start of a connection. Strict: whoever sends
/// one at all was told to, so what cannot be read in exactly one way is refused.
/// </summary>
public static class ProxyHeaderReader
{
    /// <summary>Bytes of a version 2 header in all, the values that some load balancers append included.</summary>
    public const int MostBytes = 4096;

    internal const int Version2Fixed = 16;

    private const byte ChecksumValue = 0x03;

    internal static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    private static ReadOnlySpan<byte> Version1Start => "PROXY "u8;

    /// <param name="bytes">What was received so far, from the first byte on.</param>
    /// <param name="header">Set when complete.</param>
    /// <param name="consumed">Bytes of the header when complete; the connection proper begins behind them.</param>
    public static ProxyHeaderOutcome Read(in ReadOnlySequence<byte> bytes, out ProxyHeader header, out int consumed)
    {
        header = default;
        consumed = 0;
        Span<byte> start = stackalloc byte[Version2Fixed];
        start = start[..(int)Math.Min(bytes.Length, Version2Fixed)];
        bytes.Slice(0, start.Length).CopyTo(start);
        if (StartsAlike(start, Version1Start))
        {
            return ProxyLine.Read(bytes, out header, out consumed);
        }

        if (!StartsAlike(start, Signature))
        {
            return ProxyHeaderOutcome.Rejected;
        }

        // Version 2, command LOCAL or PROXY; then the family, of which only the known ones carry addresses.
        if (start.Length > Signature.Length && start[12] is not (0x20 or 0x21))
        {
            return ProxyHeaderOutcome.Rejected;
        }

        if (start.Length < Version2Fixed)
        {
            return ProxyHeaderOutcome.NeedMore;
        }

        int total = Version2Fixed + BinaryPrimitives.ReadUInt16BigEndian(start[14..]);
        if (total > MostBytes)
        {
            return ProxyHeaderOutcome.Rejected;
        }

        if (bytes.Length < total)
        {
            return ProxyHeaderOutcome.NeedMore;
        }

        consumed = total;
        return TryParse(bytes.Slice(0, total).ToArray(), out header) ? ProxyHeaderOutcome.Complete : ProxyHeaderOutcome.Rejected;
    }

    /// <summary>Whether a connection that must not begin with a header does; null: it takes more bytes to say.</summary>
    public static bool? Begins(in ReadOnlySequence<byte> bytes)
    {
        Span<byte> start = stackalloc byte[Signature.Length];
        start = start[..(int)Math.Min(bytes.Length, start.Length)];
        bytes.Slice(0, start.Length).CopyTo(start);
        if (StartsAlike(start, Version1Start))
        {
            return start.Length >= Version1Start.Length ? true : null;
        }

        return StartsAlike(start, Signature) ? start.Length == Signature.Length ? true : null : false;
    }

    private static bool StartsAlike(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> expected)
    {
        int common = Math.Min(bytes.Length, expected.Length);
        return bytes[..common].SequenceEqual(expected[..common]);
    }

    private static bool TryParse(byte[] whole, out ProxyHeader header)
    {
        header = default;
        bool isLocal = whole[12] == 0x20;
        ReadOnlySpan<byte> rest = whole.AsSpan(Version2Fixed);
        int addressBytes;
        switch (whole[13])
        {
            case 0x11:
                addressBytes = 4;
                break;
            case 0x21:
                addressBytes = 16;
                break;
            default:
                // LOCAL may say anything here and is to be believed all the same; PROXY may not know, or be about datagrams
                // and sockets without an address, which no client of ours has.
                return isLocal || whole[13] == 0x00;
        }

        int both = (2 * addressBytes) + 4;
        if (rest.Length < both)
        {
            return isLocal;
        }

        if (!AreValuesSound(whole, Version2Fixed + both))
        {
            return false;
        }

        if (!isLocal)
        {
            header = new ProxyHeader(
                EndPoint(rest[..addressBytes], rest[(2 * addressBytes)..]),
                EndPoint(rest[addressBytes..(2 * addressBytes)], rest[((2 * addressBytes) + 2)..]));
        }

        return true;
    }

    private static IPEndPoint EndPoint(ReadOnlySpan<byte> address, ReadOnlySpan<byte> port)
    {
        var parsed = new IPAddress(address);
        return new IPEndPoint(parsed.IsIPv4MappedToIPv6 ? parsed.MapToIPv4() : parsed, BinaryPrimitives.ReadUInt16BigEndian(port));
    }

    // Type, length, value, to the last byte. Only the checksum means something to us.
    private static bool AreValuesSound(byte[] whole, int at)
    {
        while (at < whole.Length)
        {
            if (whole.Length - at < 3)
            {
                return false;
            }

            int length = BinaryPrimitives.ReadUInt16BigEndian(whole.AsSpan(at + 1));
            if (whole.Length - at - 3 < length)
            {
                return false;
            }

            if (whole[at] == ChecksumValue && (length != 4 || !IsChecksumRight(whole, at + 3)))
            {
                return false;
            }

            at += 3 + length;
        }

        return true;
    }

    // CRC-32C over the header with the checksum itself as zeros.
    private static bool IsChecksumRight(byte[] whole, int at)
    {
        uint crc = uint.MaxValue;
        for (int i = 0; i < whole.Length; i++)
        {
            crc = BitOperations.Crc32C(crc, i >= at && i < at + 4 ? (byte)0 : whole[i]);
        }

        return ~crc == BinaryPrimitives.ReadUInt32BigEndian(whole.AsSpan(at));
    }
}

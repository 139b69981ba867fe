using System.Buffers;
using System.Buffers.Binary;

namespace Tunnel.Framing.Frames;

/// <summary>What a stream carries. A type that is none of these refuses its stream.</summary>
public enum StreamType : byte
{
    Http = 1,
    Raw = 2,
}

/// <summary>How the visitor reached the edge.</summary>
public enum VisitorScheme : byte
{
    None = 0,
    Http = 1,
    Https = 2,
}

/// <summary>
/// What the server, which has read the head of a request, tells of it in OPEN, so that the agent need not read it again: it
/// passes the head on, and knows what to expect. None for raw streams. Bits that are not known are skipped.
/// </summary>
[Flags]
public enum RequestTraits : byte
{
    None = 0,

    /// <summary>Content follows the head, framed as the head says.</summary>
    HasContent = 1,

    /// <summary>A change of protocol is asked for: the request ends with the answer, or never.</summary>
    WantsUpgrade = 2,

    /// <summary>The answer has no content, whatever its head says: the method is HEAD.</summary>
    HeadOnly = 4,

    /// <summary>Sent twice, it does no more than sent once (RFC 9110 section 9.2.2).</summary>
    IsIdempotent = 8,

    /// <summary>
    /// It is part of a login that lives on its connection (NTLM, Negotiate): the origin connection that carries it serves
    /// nobody but the visitor's connection of <see cref="OpenHeader.Connection"/>, and no second request without that.
    /// </summary>
    HasConnectionLogin = 16,

    /// <summary>There is no request: the visitor's connection of <see cref="OpenHeader.Connection"/> has ended.</summary>
    ConnectionEnded = 32,
}

/// <summary>The header in the payload of OPEN (docs/protocol.md, section 4).</summary>
/// <param name="TunnelId">The agent's number for the tunnel.</param>
/// <param name="AnswerWindow">Bytes the acceptor may send before the first CREDIT.</param>
public readonly record struct OpenHeader(
    StreamType Type,
    VisitorScheme Scheme,
    uint TunnelId,
    VisitorAddress Visitor,
    uint AnswerWindow,
    RequestTraits Request = RequestTraits.None)
{
    /// <summary>Bytes of a header without an address and without extensions.</summary>
    public const int LeastSize = 16;

    /// <summary>Bytes of the largest header that is accepted, extensions included.</summary>
    public const int MostSize = 2_048;

    // With the longest address.
    private const int MostFixedSize = LeastSize + 16;

    /// <summary>
    /// The visitor's connection, by a number that the server gives to no other; 0: it is not told. It is for requests that
    /// <see cref="RequestTraits.HasConnectionLogin"/> or <see cref="RequestTraits.ConnectionEnded"/> stands for, and for no others.
    /// </summary>
    public ulong Connection { get; init; }

    /// <summary>Bytes of this header on the wire.</summary>
    public int Size => LeastSize + Visitor.Size + (Connection == 0 ? 0 : OpenExtensions.ConnectionSize);

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)Size);
        destination[2] = (byte)Type;
        destination[3] = (byte)Scheme;
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], TunnelId);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], AnswerWindow);
        BinaryPrimitives.WriteUInt16BigEndian(destination[12..], Visitor.Port);
        destination[14] = (byte)Request;
        destination[15] = Visitor.Family;
        Visitor.WriteAddress(destination[LeastSize..]);
        if (Connection != 0)
        {
            OpenExtensions.WriteConnection(destination[(LeastSize + Visitor.Size)..], Connection);
        }
    }

    /// <summary>Splits the payload of OPEN into its header and the stream's first bytes. A stream type that is not known is not a fault.</summary>
    /// <exception cref="ProtocolViolationException">The header does not fit, or has a value outside its range.</exception>
    public static OpenHeader Read(in ReadOnlySequence<byte> payload, out ReadOnlySequence<byte> firstBytes)
    {
        Span<byte> bytes = stackalloc byte[MostFixedSize];
        payload.Slice(0, Math.Min(payload.Length, MostFixedSize)).CopyTo(bytes);

        int size = BinaryPrimitives.ReadUInt16BigEndian(bytes);
        byte family = bytes[15];
        int fixedSize = LeastSize + family switch
        {
            0 => 0,
            4 => 4,
            6 => 16,
            _ => throw Malformed("has an unknown address family"),
        };
        if (size < fixedSize || size > MostSize || size > payload.Length)
        {
            throw Malformed($"has a header of {size} bytes, which does not fit");
        }

        if (bytes[3] > (byte)VisitorScheme.Https)
        {
            throw Malformed("has an unknown scheme");
        }

        uint window = BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]);
        if (window is < ProtocolLimits.LeastWindow or > ProtocolLimits.MostCredit)
        {
            throw Malformed($"grants a window of {window} bytes");
        }

        UInt128 bits = family switch
        {
            4 => BinaryPrimitives.ReadUInt32BigEndian(bytes[LeastSize..]),
            6 => BinaryPrimitives.ReadUInt128BigEndian(bytes[LeastSize..]),
            _ => 0,
        };
        firstBytes = payload.Slice(size);
        return new OpenHeader(
            (StreamType)bytes[2],
            (VisitorScheme)bytes[3],
            BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]),
            new VisitorAddress(family, bits, BinaryPrimitives.ReadUInt16BigEndian(bytes[12..])),
            window,
            (RequestTraits)bytes[14])
        {
            Connection = size == fixedSize ? 0 : OpenExtensions.ReadConnection(payload.Slice(fixedSize, size - fixedSize)),
        };
    }

    internal static ProtocolViolationException Malformed(string what) =>
        new(CloseCode.MalformedPayload, $"OPEN {what}.");
}

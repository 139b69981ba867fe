using System.Buffers;
using System.Buffers.Binary;

namespace Tunnel.Transport.Tls;

/// <summary>
/// Finds the ClientHello at the start of what a client sends, over as many records and segments as it comes in, without
/// consuming anything (RFC 8446 sections 4.1.2 and 5.1). One reader serves one connection; each call looks only at the
/// bytes that are new.
/// </summary>
public struct ClientHelloReader
{
    /// <summary>Bytes of a ClientHello; those of browsers with post-quantum keys have about 2,000.</summary>
    public const int MostBytes = 16 * 1024;

    /// <summary>Records a ClientHello may be spread over.</summary>
    public const int MostRecords = 1024;

    private const int RecordHeader = 5;
    private const int MessageHeader = 4;
    private const int MostFragment = 16 * 1024;
    private const byte HandshakeRecord = 0x16;
    private const byte ClientHelloMessage = 0x01;

    // Where the next record header starts, and how much of the message the records before it hold.
    private int _next;
    private int _held;
    private int _records;

    /// <summary>Looks on.</summary>
    /// <param name="bytes">Everything received so far, from the first byte on.</param>
    /// <param name="hello">Null unless complete.</param>
    public ClientHelloOutcome Read(in ReadOnlySequence<byte> bytes, out ClientHello? hello)
    {
        hello = null;
        Span<byte> header = stackalloc byte[RecordHeader];
        while (true)
        {
            ReadOnlySequence<byte> rest = bytes.Slice(Math.Min(_next, bytes.Length));
            int available = (int)Math.Min(rest.Length, RecordHeader);
            rest.Slice(0, available).CopyTo(header);
            ClientHelloOutcome outcome = JudgeHeader(header[..available]);
            if (outcome != ClientHelloOutcome.Complete)
            {
                return outcome;
            }

            int fragment = BinaryPrimitives.ReadUInt16BigEndian(header[3..]);
            bool isWhole = rest.Length >= RecordHeader + fragment;
            int held = _held + (int)Math.Min(rest.Length - RecordHeader, fragment);
            if (JudgeMessage(bytes, held, out int message) is { } bad)
            {
                return bad;
            }

            if (held >= MessageHeader && held >= message)
            {
                return ClientHelloParser.TryParse(Assemble(bytes, message).AsSpan(MessageHeader), out hello)
                    ? ClientHelloOutcome.Complete
                    : ClientHelloOutcome.Malformed;
            }

            if (!isWhole)
            {
                return ClientHelloOutcome.NeedMore;
            }

            _held = held;
            _next += RecordHeader + fragment;
            if (++_records == MostRecords)
            {
                return ClientHelloOutcome.TooLarge;
            }
        }
    }

    // Complete: this is the header of a handshake record.
    private readonly ClientHelloOutcome JudgeHeader(ReadOnlySpan<byte> header)
    {
        ClientHelloOutcome foreign = _records == 0 ? ClientHelloOutcome.NotTls : ClientHelloOutcome.Malformed;
        if (header.Length > 0 && header[0] != HandshakeRecord)
        {
            return foreign;
        }

        if (header.Length > 1 && header[1] != 3)
        {
            return foreign;
        }

        if (header.Length < RecordHeader)
        {
            return ClientHelloOutcome.NeedMore;
        }

        // An empty fragment of a handshake message is forbidden (RFC 8446 section 5.1).
        return BinaryPrimitives.ReadUInt16BigEndian(header[3..]) is > 0 and <= MostFragment
            ? ClientHelloOutcome.Complete
            : ClientHelloOutcome.Malformed;
    }

    // Bytes of the message with its header, as soon as they are known.
    private static ClientHelloOutcome? JudgeMessage(in ReadOnlySequence<byte> bytes, int held, out int message)
    {
        message = int.MaxValue;
        if (held == 0)
        {
            return null;
        }

        ReadOnlySpan<byte> start = Assemble(bytes, Math.Min(held, MessageHeader));
        if (start[0] != ClientHelloMessage)
        {
            return ClientHelloOutcome.Malformed;
        }

        if (start.Length < MessageHeader)
        {
            return null;
        }

        message = MessageHeader + (int)(BinaryPrimitives.ReadUInt32BigEndian(start) & 0xFF_FFFF);
        return message > MostBytes ? ClientHelloOutcome.TooLarge : null;
    }

    // The first bytes of the message, taken out of their records. All of them are there.
    private static byte[] Assemble(in ReadOnlySequence<byte> bytes, int count)
    {
        byte[] message = new byte[count];
        Span<byte> header = stackalloc byte[RecordHeader];
        ReadOnlySequence<byte> rest = bytes;
        for (int filled = 0; filled < count;)
        {
            rest.Slice(0, RecordHeader).CopyTo(header);
            int fragment = BinaryPrimitives.ReadUInt16BigEndian(header[3..]);
            int part = Math.Min(fragment, count - filled);
            rest.Slice(RecordHeader, part).CopyTo(message.AsSpan(filled));
            filled += part;
            if (filled < count)
            {
                rest = rest.Slice(RecordHeader + fragment);
            }
        }

        return message;
    }
}

using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Tunnel.Framing.Frames;

/// <summary>The payload that RESET and CLOSE share: u16 code, UTF-8 sentence (docs/protocol.md, section 2).</summary>
public static class CodeAndSentence
{
    /// <summary>Most bytes such a payload can have.</summary>
    public const int MostSize = sizeof(ushort) + ProtocolLimits.Sentence;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Writes code and sentence; a sentence that is too long is cut. Returns the bytes written.</summary>
    public static int Write(Span<byte> destination, ushort code, string sentence)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, code);

        // Stops before the character that does not fit as a whole, so what is cut is still UTF-8.
        Utf8.FromUtf16(sentence, destination.Slice(sizeof(ushort), ProtocolLimits.Sentence), out _, out int bytes);
        return sizeof(ushort) + bytes;
    }

    /// <summary>Reads code and sentence.</summary>
    /// <exception cref="ProtocolViolationException">The payload is too short or too long, or the sentence is not UTF-8.</exception>
    public static (ushort Code, string Sentence) Read(in ReadOnlySequence<byte> payload)
    {
        if (payload.Length is < sizeof(ushort) or > MostSize)
        {
            throw new ProtocolViolationException(CloseCode.MalformedPayload, $"{payload.Length} bytes are no code and sentence.");
        }

        Span<byte> bytes = stackalloc byte[MostSize];
        bytes = bytes[..(int)payload.Length];
        payload.CopyTo(bytes);
        try
        {
            return (BinaryPrimitives.ReadUInt16BigEndian(bytes), StrictUtf8.GetString(bytes[sizeof(ushort)..]));
        }
        catch (DecoderFallbackException)
        {
            throw new ProtocolViolationException(CloseCode.MalformedPayload, "A sentence is not UTF-8.");
        }
    }
}

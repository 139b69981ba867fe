using System.Buffers;
using System.Buffers.Binary;
using System.Text;

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
        Encoding.UTF8.GetEncoder().Convert(
            sentence, destination.Slice(sizeof(ushort), ProtocolLimits.Sentence), flush: true, out _, out int bytes, out _);
        return sizeof(ushort) + bytes;
    }

    /// <summary>Reads code and sentence.</summary>
    /// <exception cref="ProtocolViolationException">The sentence is not UTF-8.</exception>
    public static (ushort Code, string Sentence) Read(in ReadOnlySequence<byte> payload)
    {
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

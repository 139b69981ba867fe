using System.Buffers;
using System.Text;
using Tunnel.Hosting;

namespace Tunnel.Agent.Local;

/// <summary>What the first bytes of an answer that is no HTTP say of the local server.</summary>
internal static class AnswerStart
{
    /// <summary>Enough to know a protocol by; what an origin sends by mistake may be somebody's content.</summary>
    private const int MostShown = 24;

    // A TLS record (RFC 8446 section 5.1): alert or handshake, then the major version. No answer of HTTP begins so.
    private const byte TlsAlert = 0x15;
    private const byte TlsHandshake = 0x16;
    private const byte TlsMajorVersion = 3;

    public static bool IsTls(in ReadOnlySequence<byte> answer)
    {
        Span<byte> first = stackalloc byte[2];
        if (answer.Length < first.Length)
        {
            return false;
        }

        answer.Slice(0, first.Length).CopyTo(first);
        return first is [TlsAlert or TlsHandshake, TlsMajorVersion];
    }

    /// <summary>For a log: the beginning as a sentence, made printable; nothing when it begins like HTTP.</summary>
    public static string Describe(in ReadOnlySequence<byte> answer)
    {
        string text = Encoding.Latin1.GetString(answer.Slice(0, Math.Min(answer.Length, MostShown)));
        int end = text.AsSpan().IndexOfAny('\r', '\n');
        return text.StartsWith("HTTP/", StringComparison.Ordinal) ? "" : $" It begins with '{Printable.Of(end < 0 ? text : text[..end])}'.";
    }
}

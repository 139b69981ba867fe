using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;

namespace Tunnel.Http.Heads;

/// <summary>The names behind <see cref="KnownHeader"/>: recognising them and writing them.</summary>
public static class KnownHeaders
{
    private const int LongestName = 32;

    /// <summary>CGI makes <c>_</c> of <c>-</c>; some that do it make it of everything else, too (lighttpd, older Apache).</summary>
    private static readonly SearchValues<byte> LettersDigitsDash =
        SearchValues.Create("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>Canonical spellings, in the order of the enumeration.</summary>
    private static readonly ImmutableArray<byte[]> Names =
    [
        [],
        [.. "Host"u8],
        [.. "Connection"u8],
        [.. "Content-Length"u8],
        [.. "Transfer-Encoding"u8],
        [.. "TE"u8],
        [.. "Trailer"u8],
        [.. "Upgrade"u8],
        [.. "Keep-Alive"u8],
        [.. "Proxy-Connection"u8],
        [.. "Proxy-Authenticate"u8],
        [.. "Proxy-Authorization"u8],
        [.. "Proxy-Authentication-Info"u8],
        [.. "HTTP2-Settings"u8],
        [.. "Expect"u8],
        [.. "Via"u8],
        [.. "Max-Forwards"u8],
        [.. "Forwarded"u8],
        [.. "X-Forwarded-For"u8],
        [.. "X-Forwarded-Proto"u8],
        [.. "X-Forwarded-Host"u8],
        [.. "X-Forwarded-Port"u8],
        [.. "X-Real-IP"u8],
        [],
        [.. "Proxy"u8],
        [.. "X-Request-Id"u8],
        [.. "Tunnel-Error"u8],
        [.. "Authorization"u8],
        [.. "WWW-Authenticate"u8],
        [.. "Authentication-Info"u8],
        [.. "Cookie"u8],
        [.. "Set-Cookie"u8],
        [.. "Accept"u8],
        [.. "Referer"u8],
        [.. "Origin"u8],
        [.. "Range"u8],
        [.. "If-Match"u8],
        [.. "If-None-Match"u8],
        [.. "If-Modified-Since"u8],
        [.. "If-Unmodified-Since"u8],
        [.. "If-Range"u8],
        [.. "Cache-Control"u8],
        [.. "Pragma"u8],
        [.. "Age"u8],
        [.. "Date"u8],
        [.. "Expires"u8],
        [.. "Last-Modified"u8],
        [.. "ETag"u8],
        [.. "Location"u8],
        [.. "Retry-After"u8],
        [.. "Server"u8],
        [.. "Vary"u8],
        [.. "Warning"u8],
        [.. "Content-Type"u8],
        [.. "Content-Encoding"u8],
        [.. "Content-Language"u8],
        [.. "Content-Location"u8],
        [.. "Content-Range"u8],
        [.. "Content-Disposition"u8],
        [.. "Strict-Transport-Security"u8],
        [.. "Alt-Svc"u8],
        [.. "Sec-WebSocket-Key"u8],
        [.. "Sec-WebSocket-Accept"u8],
        [.. "Early-Data"u8],
    ];

    /// <summary>Where the names of each length stand in <see cref="ByLength"/>; one more entry than lengths.</summary>
    private static readonly int[] LengthStarts = new int[LongestName + 2];

    private static readonly KnownHeader[] ByLength = OrderByLength(LengthStarts);

    /// <summary>The <see cref="KeyOf"/> of each name in <see cref="ByLength"/>, side by side: a search reads no other name.</summary>
    private static readonly ulong[] Keys = [.. ByLength.Select(static header => KeyOf(NameOf(header)))];

    /// <summary>
    /// The name as this implementation writes it; empty for <see cref="KnownHeader.Unknown"/> and
    /// <see cref="KnownHeader.OtherForwarding"/>, which are many names.
    /// </summary>
    public static ReadOnlySpan<byte> NameOf(KnownHeader header) => Names[(int)header];

    /// <summary>Recognises a name in any case.</summary>
    public static KnownHeader Find(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty)
        {
            return KnownHeader.Unknown;
        }

        if (name.Length <= LongestName)
        {
            var key = KeyOf(name);
            for (var index = LengthStarts[name.Length]; index < LengthStarts[name.Length + 1]; index++)
            {
                if (Keys[index] == key && Ascii.EqualsIgnoreCase(NameOf(ByLength[index]), name))
                {
                    return ByLength[index];
                }
            }
        }

        return IsOtherForwarding(name) ? KnownHeader.OtherForwarding : KnownHeader.Unknown;
    }

    /// <summary>
    /// The known field an origin would take this name for if it cannot tell <c>_</c>, <c>.</c> and their like from <c>-</c>,
    /// as CGI and its descendants cannot; <see cref="KnownHeader.Unknown"/> when the name has none of them or becomes no
    /// known one.
    /// </summary>
    public static KnownHeader FindAlias(ReadOnlySpan<byte> name)
    {
        if (!name.ContainsAnyExcept(LettersDigitsDash))
        {
            return KnownHeader.Unknown;
        }

        // Enough to know one by: a longer name is at most one of a family, which its beginning says.
        Span<byte> dashed = stackalloc byte[LongestName + 1];
        name = name[..Math.Min(name.Length, dashed.Length)];
        name.ReplaceAnyExcept(dashed, LettersDigitsDash, (byte)'-');
        return Find(dashed[..name.Length]);
    }

    /// <summary>
    /// Whether a field of this name, none of those that have a number, is a front's word on its visitor:
    /// <c>X-Forwarded</c> and all <c>X-Forwarded-*</c>, and the certificate of a visitor whose TLS ended at the front
    /// (RFC 9440 section 2: whoever ends TLS removes these from requests).
    /// </summary>
    private static bool IsOtherForwarding(ReadOnlySpan<byte> name)
    {
        const int Prefix = 11;
        return (name.Length >= Prefix && Ascii.EqualsIgnoreCase(name[..Prefix], "X-Forwarded"u8) && (name.Length == Prefix || name[Prefix] == '-'))
            || Ascii.EqualsIgnoreCase(name, "Client-Cert"u8)
            || Ascii.EqualsIgnoreCase(name, "Client-Cert-Chain"u8);
    }

    /// <summary>The last eight bytes of a name, or all of a shorter one, equal for equal names in any case.</summary>
    private static ulong KeyOf(ReadOnlySpan<byte> name)
    {
        const ulong LowerCase = 0x2020_2020_2020_2020;
        if (name.Length >= sizeof(ulong))
        {
            return MemoryMarshal.Read<ulong>(name[^sizeof(ulong)..]) | LowerCase;
        }

        if (name.Length >= sizeof(uint))
        {
            return MemoryMarshal.Read<uint>(name) | ((ulong)MemoryMarshal.Read<uint>(name[^sizeof(uint)..]) << 32) | LowerCase;
        }

        var key = 0UL;
        foreach (var octet in name)
        {
            key = (key << 8) | octet;
        }

        return key | LowerCase;
    }

    private static KnownHeader[] OrderByLength(int[] starts)
    {
        var ordered = Enumerable.Range(1, Names.Length - 1).Where(static id => Names[id].Length > 0).OrderBy(static id => Names[id].Length)
            .Select(static id => (KnownHeader)id).ToArray();
        for (var length = 0; length < starts.Length; length++)
        {
            starts[length] = ordered.TakeWhile(id => Names[(int)id].Length < length).Count();
        }

        return ordered;
    }
}

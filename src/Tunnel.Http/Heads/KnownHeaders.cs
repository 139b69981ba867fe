using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;

namespace Tunnel.Http.Heads;

/// <summary>The names behind <see cref="KnownHeader"/>: recognising them and writing them.</summary>
public static class KnownHeaders
{
    private const int LongestName = 32;

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
        [.. "X-Request-Id"u8],
        [.. "Tunnel-Error"u8],
        [.. "Authorization"u8],
        [.. "WWW-Authenticate"u8],
        [.. "Authentication-Info"u8],
        [.. "Cookie"u8],
        [.. "Set-Cookie"u8],
        [.. "Accept"u8],
        [.. "Accept-Encoding"u8],
        [.. "User-Agent"u8],
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

    /// <summary>The name as this implementation writes it; empty for <see cref="KnownHeader.Unknown"/>.</summary>
    public static ReadOnlySpan<byte> NameOf(KnownHeader header) => Names[(int)header];

    /// <summary>Recognises a name in any case.</summary>
    public static KnownHeader Find(ReadOnlySpan<byte> name)
    {
        if (name.Length is 0 or > LongestName)
        {
            return KnownHeader.Unknown;
        }

        var key = KeyOf(name);
        for (var index = LengthStarts[name.Length]; index < LengthStarts[name.Length + 1]; index++)
        {
            if (Keys[index] == key && Ascii.EqualsIgnoreCase(NameOf(ByLength[index]), name))
            {
                return ByLength[index];
            }
        }

        return KnownHeader.Unknown;
    }

    /// <summary>
    /// The known field an origin would take this name for if it reads <c>_</c> as <c>-</c>, as CGI and its descendants
    /// do; <see cref="KnownHeader.Unknown"/> when the name has no underscore or becomes no known one.
    /// </summary>
    public static KnownHeader FindAlias(ReadOnlySpan<byte> name)
    {
        if (name.Length > LongestName || !name.Contains((byte)'_'))
        {
            return KnownHeader.Unknown;
        }

        Span<byte> dashed = stackalloc byte[LongestName];
        name.Replace(dashed, (byte)'_', (byte)'-');
        return Find(dashed[..name.Length]);
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
        var ordered = Enumerable.Range(1, Names.Length - 1).OrderBy(static id => Names[id].Length)
            .Select(static id => (KnownHeader)id).ToArray();
        for (var length = 0; length < starts.Length; length++)
        {
            starts[length] = ordered.TakeWhile(id => Names[(int)id].Length < length).Count();
        }

        return ordered;
    }
}

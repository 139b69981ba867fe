using System.Text;

namespace Tunnel.Http.Heads;

/// <summary>
/// Scheme and authority at the start of an http or https URL (RFC 9110 section 4.2), or of a reference without a scheme
/// (<c>//host</c>, RFC 3986 section 4.2). A view of the text it was read from.
/// </summary>
public readonly ref struct UrlOrigin
{
    private UrlOrigin(ReadOnlySpan<byte> scheme, ReadOnlySpan<byte> host, int? port, int length)
    {
        Scheme = scheme;
        Host = host;
        Port = port;
        Length = length;
    }

    /// <summary>As written; empty when there is none.</summary>
    public ReadOnlySpan<byte> Scheme { get; }

    /// <summary>As written, a final dot left out.</summary>
    public ReadOnlySpan<byte> Host { get; }

    /// <summary>Null: the scheme's own.</summary>
    public int? Port { get; }

    /// <summary>Bytes it takes of the text.</summary>
    public int Length { get; }

    public bool IsHttps => Ascii.EqualsIgnoreCase(Scheme, "https"u8);

    /// <summary>Reads the origin a text begins with; false for everything that has none, or one of another kind.</summary>
    public static bool TryRead(ReadOnlySpan<byte> text, out UrlOrigin origin)
    {
        origin = default;
        int mark = text.IndexOf("//"u8);
        ReadOnlySpan<byte> scheme = default;
        if (mark > 0)
        {
            scheme = text[..(mark - 1)];
            if (text[mark - 1] != ':' || !(Ascii.EqualsIgnoreCase(scheme, "http"u8) || Ascii.EqualsIgnoreCase(scheme, "https"u8)))
            {
                return false;
            }
        }
        else if (mark < 0)
        {
            return false;
        }

        int start = mark + 2;

        // A backslash ends it as well: browsers read that as a slash.
        int end = text[start..].IndexOfAny("/\\?#"u8);
        end = end < 0 ? text.Length : start + end;
        if (!HostName.TryParse(text[start..end], out int nameLength, out int? port))
        {
            return false;
        }

        origin = new UrlOrigin(scheme, text.Slice(start, nameLength), port, end);
        return true;
    }

    /// <summary>Whether it names this host and port; a port that is not named is the scheme's own, or that of plain HTTP.</summary>
    public bool Names(ReadOnlySpan<byte> host, int port) =>
        (Port ?? (IsHttps ? 443 : 80)) == port && Ascii.EqualsIgnoreCase(Host, host);
}

using System.Buffers;
using System.Text;
using Tunnel.Http.Heads;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// Cookies that a local server sets for its own name (RFC 6265 section 5.2.3): no visitor's browser would take them. Without
/// the attribute they are for the host that sets them, and for no other.
/// </summary>
internal static class CookieDomain
{
    /// <summary>Takes every Domain out of the cookies that are for the local server's own name.</summary>
    public static void RemoveLocal(HeaderList headers, LocalServer local)
    {
        foreach (HeaderField field in headers)
        {
            if (field.Id == KnownHeader.SetCookie && IsFor(field.Value, local))
            {
                byte[] rented = ArrayPool<byte>.Shared.Rent(field.Value.Length);
                headers.SetAt(field.Index, rented.AsSpan(0, CopyWithoutDomain(field.Value, rented)).TrimEnd(" \t"u8));
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    // Of several the last one that is not empty counts, for us as for browsers.
    private static bool IsFor(ReadOnlySpan<byte> cookie, LocalServer local)
    {
        ReadOnlySpan<byte> domain = default;
        foreach (Range part in cookie.Split((byte)';'))
        {
            if (part.Start.Value > 0 && TryReadDomain(cookie[part], out ReadOnlySpan<byte> value) && !value.IsEmpty)
            {
                domain = value;
            }
        }

        return local.IsNamedByDomain(domain);
    }

    private static int CopyWithoutDomain(ReadOnlySpan<byte> cookie, Span<byte> target)
    {
        int length = 0;
        foreach (Range part in cookie.Split((byte)';'))
        {
            ReadOnlySpan<byte> bytes = cookie[part];
            if (part.Start.Value > 0)
            {
                if (TryReadDomain(bytes, out _))
                {
                    continue;
                }

                target[length++] = (byte)';';
            }

            bytes.CopyTo(target[length..]);
            length += bytes.Length;
        }

        return length;
    }

    private static bool TryReadDomain(ReadOnlySpan<byte> attribute, out ReadOnlySpan<byte> value)
    {
        int equals = attribute.IndexOf((byte)'=');
        ReadOnlySpan<byte> name = (equals < 0 ? attribute : attribute[..equals]).Trim(" \t"u8);
        value = equals < 0 ? default : attribute[(equals + 1)..].Trim(" \t"u8);
        return Ascii.EqualsIgnoreCase(name, "Domain"u8);
    }
}

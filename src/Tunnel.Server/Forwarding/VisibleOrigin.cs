using System.Buffers;
using Tunnel.Framing.Frames;
using Tunnel.Http.Heads;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// The two names of one site (docs/http.md, "The visible origin"): visitors know it by its public origin, and the local server,
/// when it gets another Host, by its own. What names the site itself is turned from the one into the other; what names
/// anybody else is left as it is.
/// </summary>
internal static class VisibleOrigin
{
    /// <summary>Which of Origin and Referer name the site itself, and have to be written by <see cref="WriteRequest"/>.</summary>
    public static HeaderSet FindOwn(HeaderList headers, LocalServer local, VisitorFacts visitor, ReadOnlySpan<byte> authority)
    {
        HeaderSet own = default;
        if (local.VisibleAuthority is null || !HostName.TryParse(authority, out int nameLength, out int? port))
        {
            return own;
        }

        bool isHttps = visitor.Scheme == VisitorScheme.Https;
        ReadOnlySpan<byte> host = authority[..nameLength];
        foreach (KnownHeader header in (ReadOnlySpan<KnownHeader>)[KnownHeader.Origin, KnownHeader.Referer])
        {
            if (headers.TryGet(header, out ReadOnlySpan<byte> value)
                && UrlOrigin.TryRead(value, out UrlOrigin named)
                && named.Scheme.Length > 0
                && named.IsHttps == isHttps
                && named.Names(host, port ?? (isHttps ? 443 : 80))
                && (header != KnownHeader.Origin || named.Length == value.Length)
                && headers.CountOf(header) == 1)
            {
                own = own.And(header);
            }
        }

        return own;
    }

    /// <summary>Writes the fields that <see cref="FindOwn"/> found as the local server has to see them.</summary>
    public static void WriteRequest(ref HeadWriter writer, HeaderList headers, HeaderSet own, LocalServer? local)
    {
        if (local is null)
        {
            return;
        }

        foreach (KnownHeader header in (ReadOnlySpan<KnownHeader>)[KnownHeader.Origin, KnownHeader.Referer])
        {
            if (own.Contains(header) && headers.TryGet(header, out ReadOnlySpan<byte> value) && UrlOrigin.TryRead(value, out UrlOrigin named))
            {
                writer.StartField(header);
                writer.Value(local.Scheme);
                writer.Value("://"u8);
                writer.Value(local.VisibleAuthority);
                writer.Value(value[named.Length..]);
                writer.EndField();
            }
        }
    }

    /// <summary>What an answer says of the local server by name, as the visitor knows it.</summary>
    /// <param name="authority">The public one, as the visitor used it.</param>
    public static void TurnBack(HeaderList headers, LocalServer local, VisitorFacts visitor, ReadOnlySpan<byte> authority)
    {
        TurnBack(headers, KnownHeader.Location, local, visitor.SchemeName, authority);
        TurnBack(headers, KnownHeader.ContentLocation, local, visitor.SchemeName, authority);
        if (local.VisibleAuthority is not null && headers.Contains(KnownHeader.SetCookie))
        {
            CookieDomain.RemoveLocal(headers, local);
        }
    }

    private static void TurnBack(
        HeaderList headers, KnownHeader header, LocalServer local, ReadOnlySpan<byte> scheme, ReadOnlySpan<byte> authority)
    {
        if (!headers.TryGet(header, out ReadOnlySpan<byte> value)
            || !UrlOrigin.TryRead(value, out UrlOrigin named)
            || !local.IsNamedBy(named)
            || headers.CountOf(header) != 1)
        {
            return;
        }

        ReadOnlySpan<byte> rest = value[named.Length..];
        byte[] rented = ArrayPool<byte>.Shared.Rent(scheme.Length + "://"u8.Length + authority.Length + rest.Length);
        Span<byte> turned = rented;
        int length = 0;
        Put(turned, ref length, scheme);
        Put(turned, ref length, "://"u8);
        Put(turned, ref length, authority);
        Put(turned, ref length, rest);
        headers.Set(header, turned[..length]);
        ArrayPool<byte>.Shared.Return(rented);
    }

    private static void Put(Span<byte> target, ref int length, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(target[length..]);
        length += bytes.Length;
    }
}

using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Http.Heads;

namespace Tunnel.Server.Routing;

/// <summary>How the local server behind a tunnel is named where it runs, as its agent said. Immutable.</summary>
internal sealed class LocalServer
{
    private readonly Name? _own;
    private readonly Name? _told;

    private LocalServer(ReadOnlySpan<byte> origin, byte[]? told)
    {
        if (UrlOrigin.TryRead(origin, out UrlOrigin own) && own.Length == origin.Length)
        {
            Scheme = own.IsHttps ? [.. "https"u8] : [.. "http"u8];
            _own = new Name(own.Host.ToArray(), own.Port ?? (own.IsHttps ? 443 : 80));
        }

        if (told is not null && HostName.TryParse(told, out int length, out int? port))
        {
            _told = new Name(told[..length], port);
            VisibleAuthority = told;
        }
    }

    /// <summary>Its scheme.</summary>
    public byte[] Scheme { get; } = [.. "http"u8];

    /// <summary>
    /// What it gets as Host instead of the public name, so that it believes it is visited under it; null: it sees the public name.
    /// </summary>
    public byte[]? VisibleAuthority { get; }

    /// <summary>Null: nothing is known of it.</summary>
    public static LocalServer? Of(TunnelRequest request) => (request.LocalOrigin ?? request.HostHeader) is null
        ? null
        : new LocalServer(Encoding.ASCII.GetBytes(request.LocalOrigin ?? ""), request.HostHeader is { } told ? Encoding.ASCII.GetBytes(told) : null);

    /// <summary>Whether a URL leads to it, or rather to whatever has this name where the visitor is.</summary>
    public bool IsNamedBy(in UrlOrigin url)
    {
        if (_own is { } own && url.Names(own.Host, own.Port!.Value))
        {
            return true;
        }

        // A Host without a port is that of either scheme: a server that was told of HTTPS in front of it writes https://.
        return _told is { } told && url.Names(told.Host, told.Port ?? (url.IsHttps ? 443 : 80));
    }

    /// <summary>Whether this is the name it believes to have, as a cookie's Domain names it (RFC 6265 section 4.1.2.3).</summary>
    public bool IsNamedByDomain(ReadOnlySpan<byte> domain)
    {
        if (!domain.IsEmpty && domain[0] == '.')
        {
            domain = domain[1..];
        }

        return _told is { } told && Ascii.EqualsIgnoreCase(domain, told.Host);
    }

    private sealed record Name(byte[] Host, int? Port);
}

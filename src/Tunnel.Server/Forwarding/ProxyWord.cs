using System.Globalization;
using System.Net;
using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Http.Heads;

namespace Tunnel.Server.Forwarding;

/// <summary>Which fields of a trusted proxy are believed (<c>--proxy-header</c>); the other kind is dropped.</summary>
public enum ProxyFields
{
    /// <summary>X-Forwarded-For, -Proto, -Host, -Port, and what else a proxy says in fields of that name.</summary>
    XForwarded,

    /// <summary>Forwarded (RFC 7239).</summary>
    Forwarded,
}

/// <summary>
/// What a trusted proxy says about the visitor of one request: its fields are continued instead of replaced, each only as
/// far as it can be read. One kind of them only: most proxies pass on what a visitor says in the kind they do not write.
/// Routing never comes here.
/// </summary>
internal static class ProxyWord
{
    /// <summary>The visitor as the proxy's fields describe it.</summary>
    /// <param name="peer">The connected proxy, which is trusted.</param>
    /// <param name="believed">The kind of fields that counts.</param>
    public static VisitorFacts Read(VisitorFacts peer, HeaderList headers, TrustedProxies trusted, ProxyFields believed) =>
        believed == ProxyFields.Forwarded ? ReadForwarded(peer, headers, trusted) : ReadXForwarded(peer, headers, trusted);

    private static VisitorFacts ReadXForwarded(VisitorFacts peer, HeaderList headers, TrustedProxies trusted)
    {
        string[] hops = Members(headers, KnownHeader.XForwardedFor);
        IPAddress visitor = trusted.FindVisitor(peer.Peer, hops, out _);
        string? port = Single(headers, KnownHeader.XForwardedPort);
        return new VisitorFacts(new IPEndPoint(visitor, 0), peer.Peer, SchemeOf(Single(headers, KnownHeader.XForwardedProto)) ?? peer.Scheme)
        {
            KeepsOtherForwarding = true,
            ForwardedFor = Encoding.ASCII.GetBytes(string.Join(", ", [.. hops, peer.Peer.ToString()])),
            Forwarded = Encoding.ASCII.GetBytes(VisitorFacts.ForwardedElement(visitor)),
            ForwardedHost = HostOf(Single(headers, KnownHeader.XForwardedHost), out _),
            ForwardedPort = port is not null && ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number) && number > 0
                ? Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture))
                : peer.ForwardedPort,
        };
    }

    private static VisitorFacts ReadForwarded(VisitorFacts peer, HeaderList headers, TrustedProxies trusted)
    {
        ForwardedElement[] elements = ForwardedElement.ReadAll(headers);
        string[] hops = [.. elements.Select(element => element.For ?? "")];
        IPAddress visitor = trusted.FindVisitor(peer.Peer, hops, out int at);

        // The element about the visitor, which the proxy it came to wrote; about whoever hides behind "unknown", too.
        ForwardedElement? word = elements.ElementAtOrDefault(trusted.Contains(visitor) ? Math.Max(0, at - 1) : at);
        VisitorScheme? scheme = SchemeOf(word?.Proto);
        byte[]? host = HostOf(word?.Host, out int? port);
        port ??= scheme switch { VisitorScheme.Https => 443, VisitorScheme.Http => 80, _ => null };
        return new VisitorFacts(new IPEndPoint(visitor, 0), peer.Peer, scheme ?? peer.Scheme)
        {
            // Who came through whom, as far as those who say so are trusted.
            ForwardedFor = Encoding.ASCII.GetBytes(at == hops.Length ? peer.Peer.ToString() : $"{visitor}, {peer.Peer}"),
            Forwarded = Encoding.Latin1.GetBytes(
                string.Join(", ", [.. elements.Select(element => element.Text), VisitorFacts.ForwardedElement(peer.Peer)])),
            ForwardedHost = host,
            ForwardedPort = port is { } number ? Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture)) : peer.ForwardedPort,
        };
    }

    // The schemes of WebSockets are those of the HTTP they begin with (RFC 6455 section 3); schemes have no case.
    private static VisitorScheme? SchemeOf(string? scheme) => scheme?.ToUpperInvariant() switch
    {
        "HTTP" or "WS" => VisitorScheme.Http,
        "HTTPS" or "WSS" => VisitorScheme.Https,
        _ => null,
    };

    private static byte[]? HostOf(string? host, out int? port)
    {
        port = null;
        byte[] bytes = Encoding.Latin1.GetBytes(host?.TrimEnd(':') ?? "");
        return HostName.TryParse(bytes, out _, out port) ? bytes : null;
    }

    // One value, or none: a list says different things at once.
    private static string? Single(HeaderList headers, KnownHeader header) =>
        headers.CountOf(header) == 1 && headers.TryGet(header, out ReadOnlySpan<byte> value) ? Encoding.Latin1.GetString(value) : null;

    private static string[] Members(HeaderList headers, KnownHeader header)
    {
        var members = new List<string>();
        foreach (ReadOnlySpan<byte> member in headers.Members(header))
        {
            members.Add(Encoding.Latin1.GetString(member));
        }

        return [.. members];
    }
}

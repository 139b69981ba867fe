using System.Net;
using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Http.Heads;

namespace Tunnel.Server.Edge;

/// <summary>
/// What a trusted proxy says about the visitor of one request (DESIGN section 6): its fields are continued instead of
/// replaced, each only as far as it can be read. Routing never comes here.
/// </summary>
internal static class ProxyWord
{
    /// <summary>The visitor as the proxy's fields describe it.</summary>
    /// <param name="peer">The connected proxy, which is trusted.</param>
    public static VisitorFacts Read(VisitorFacts peer, HeaderList headers, TrustedProxies trusted)
    {
        string[] hops = Members(headers, KnownHeader.XForwardedFor);
        IPAddress visitor = trusted.FindVisitor(peer.Peer, hops);
        string? scheme = Single(headers, KnownHeader.XForwardedProto);
        string? host = Single(headers, KnownHeader.XForwardedHost);
        string? port = Single(headers, KnownHeader.XForwardedPort);
        string peerText = peer.Peer.ToString();
        string[] elements = Members(headers, KnownHeader.Forwarded);
        string own = VisitorFacts.ForwardedElement(elements.Length == 0 ? visitor : peer.Peer);
        return new VisitorFacts(new IPEndPoint(visitor, 0), peer.Peer, SchemeOf(scheme) ?? peer.Scheme)
        {
            KeepsOtherForwarding = true,
            ForwardedFor = Encoding.ASCII.GetBytes(string.Join(", ", [.. hops, peerText])),
            Forwarded = Encoding.Latin1.GetBytes(string.Join(", ", [.. elements, own])),
            ForwardedHost = host is not null && HostName.TryParse(Encoding.Latin1.GetBytes(host), out _, out _) ? Encoding.Latin1.GetBytes(host) : null,
            ForwardedPort = port is not null && ushort.TryParse(port, out ushort number) && number > 0 ? Encoding.ASCII.GetBytes(port) : peer.ForwardedPort,
        };
    }

    private static VisitorScheme? SchemeOf(string? scheme) => scheme switch
    {
        "http" => VisitorScheme.Http,
        "https" => VisitorScheme.Https,
        _ => null,
    };

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

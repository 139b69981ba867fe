using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Tunnel.Framing.Frames;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// Who a visitor is and how it came, as every request tells it to the origin (docs/http.md, "Control fields"). Made once per connection;
/// behind a trusted proxy once per request, by <see cref="ProxyWord"/>.
/// </summary>
internal sealed class VisitorFacts
{
    public VisitorFacts(IPEndPoint remote, IPEndPoint local, VisitorScheme scheme)
        : this(remote, remote.Address, scheme)
    {
        ForwardedFor = RealIp;
        Forwarded = Encoding.ASCII.GetBytes(ForwardedElement(remote.Address));
        ForwardedPort = Encoding.ASCII.GetBytes(local.Port.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>For a visitor that somebody else speaks for; the other members are to be set.</summary>
    /// <param name="peer">Who is connected.</param>
    public VisitorFacts(IPEndPoint visitor, IPAddress peer, VisitorScheme scheme)
    {
        Peer = peer;
        Address = VisitorAddress.From(visitor);
        Scheme = scheme;
        AddressText = Address.ToIPAddress()!.ToString();
        RealIp = Encoding.ASCII.GetBytes(AddressText);
    }

    /// <summary>Whoever is connected to us: the visitor, or a trusted proxy.</summary>
    public IPAddress Peer { get; }

    /// <summary>As OPEN carries it.</summary>
    public VisitorAddress Address { get; }

    public VisitorScheme Scheme { get; }

    /// <summary>The name asked for in the TLS handshake, lower case; null: none, or no TLS.</summary>
    public byte[]? ServerName { get; init; }

    /// <summary>For logs.</summary>
    public string AddressText { get; }

    /// <summary>X-Real-IP: the address alone.</summary>
    public byte[] RealIp { get; }

    /// <summary>X-Forwarded-For.</summary>
    public byte[] ForwardedFor { get; init; } = [];

    /// <summary>Forwarded, up to and including the <c>for</c> of its last element.</summary>
    public byte[] Forwarded { get; init; } = [];

    /// <summary>X-Forwarded-Host and <c>host</c> in Forwarded; null: the request's own authority.</summary>
    public byte[]? ForwardedHost { get; init; }

    /// <summary>The port the visitor connected to.</summary>
    public byte[] ForwardedPort { get; init; } = [];

    /// <summary>A trusted proxy speaks for the visitor, and what else it says of it (X-Forwarded-Prefix and so on) goes on.</summary>
    public bool KeepsOtherForwarding { get; init; }

    public ReadOnlySpan<byte> SchemeName => Scheme == VisitorScheme.Https ? "https"u8 : "http"u8;

    /// <summary>An IPv6 address in Forwarded is bracketed, and quoted for it (RFC 7239 section 6).</summary>
    public static string ForwardedElement(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 ? $"for=\"[{address}]\"" : $"for={address}";
}

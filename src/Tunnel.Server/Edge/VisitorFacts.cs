using System.Net;
using System.Net.Sockets;
using System.Text;
using Tunnel.Framing.Frames;

namespace Tunnel.Server.Edge;

/// <summary>
/// Who the visitor of one connection is and how it came, made once per connection because every request tells it to the
/// origin (DESIGN section 6).
/// </summary>
internal sealed class VisitorFacts
{
    public VisitorFacts(IPEndPoint remote, IPEndPoint local, VisitorScheme scheme)
    {
        Address = VisitorAddress.From(remote);
        Scheme = scheme;
        IPAddress address = Address.ToIPAddress()!;
        AddressText = address.ToString();
        ForwardedFor = Encoding.ASCII.GetBytes(AddressText);

        // An IPv6 address in Forwarded is bracketed, and quoted for it (RFC 7239 section 6).
        ForwardedElement = Encoding.ASCII.GetBytes(
            address.AddressFamily == AddressFamily.InterNetworkV6 ? $"for=\"[{AddressText}]\"" : $"for={AddressText}");
        ForwardedPort = Encoding.ASCII.GetBytes(local.Port.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>As OPEN carries it.</summary>
    public VisitorAddress Address { get; }

    public VisitorScheme Scheme { get; }

    /// <summary>For logs.</summary>
    public string AddressText { get; }

    public byte[] ForwardedFor { get; }

    public byte[] ForwardedElement { get; }

    /// <summary>The port of ours the visitor connected to.</summary>
    public byte[] ForwardedPort { get; }

    public ReadOnlySpan<byte> SchemeName => Scheme == VisitorScheme.Https ? "https"u8 : "http"u8;
}

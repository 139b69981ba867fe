using System.Net;
using System.Net.Sockets;

namespace Tunnel.Agent.Connection;

/// <summary>Reads <c>HOST[:PORT]</c> as <c>--server</c> takes it; an IPv6 address with a port is bracketed.</summary>
public static class ServerAddress
{
    /// <summary>False when the text is neither a host nor a host with a port.</summary>
    public static bool TryParse(string text, out string host, out int port)
    {
        host = text;
        port = AgentOptions.DefaultServerPort;
        if (IPAddress.TryParse(text.Trim('[', ']'), out IPAddress? address)
            && (address.AddressFamily == AddressFamily.InterNetworkV6 || !text.Contains(':', StringComparison.Ordinal)))
        {
            host = address.ToString();
            return true;
        }

        int colon = text.LastIndexOf(':');
        if (colon >= 0)
        {
            host = text[..colon].Trim('[', ']');
            if (!ushort.TryParse(text.AsSpan(colon + 1), out ushort number) || number == 0)
            {
                return false;
            }

            port = number;
        }

        return Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6;
    }
}

using System.Net;
using System.Net.Sockets;

namespace Tunnel.Transport;

/// <summary>
/// What limits and throttles per address count by: one IPv4 address, or the /64 that an IPv6 address is in, because that is
/// the least a customer gets, and he may use every address in it.
/// </summary>
public static class CustomerAddress
{
    private const int NetworkBytes = 8;

    public static IPAddress Of(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        byte[] bytes = address.GetAddressBytes();
        bytes.AsSpan(NetworkBytes).Clear();
        return new IPAddress(bytes);
    }
}

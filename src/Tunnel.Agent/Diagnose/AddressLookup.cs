using System.Net;
using System.Net.Sockets;

namespace Tunnel.Agent.Diagnose;

/// <summary>What a name leads to.</summary>
internal static class AddressLookup
{
    /// <summary>Empty: there is no such name, or nobody who knows.</summary>
    public static async Task<IPAddress[]> FindAsync(string host, CancellationToken cancel)
    {
        try
        {
            return await Dns.GetHostAddressesAsync(host, cancel);
        }
        catch (SocketException)
        {
            return [];
        }
    }

    public static string Describe(IReadOnlyCollection<IPAddress> addresses) => $"{Of("A", AddressFamily.InterNetwork, addresses)}, {Of("AAAA", AddressFamily.InterNetworkV6, addresses)}";

    private static string Of(string record, AddressFamily family, IEnumerable<IPAddress> addresses) =>
        string.Join(' ', addresses.Where(address => address.AddressFamily == family)) is { Length: > 0 } found ? $"{record} {found}" : $"no {record}";
}

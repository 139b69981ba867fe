using System.Net;

namespace Tunnel.Transport;

/// <summary>
/// When a connection counts as local: both of its socket addresses are loopback. One of them alone proves nothing,
/// and nothing a peer sends (a header, a protocol name) ever counts.
/// </summary>
public static class LoopbackRule
{
    /// <param name="local">Our socket address.</param>
    /// <param name="remote">The peer's socket address.</param>
    public static bool IsLocal(EndPoint? local, EndPoint? remote) => IsLoopback(local) && IsLoopback(remote);

    private static bool IsLoopback(EndPoint? endPoint) =>
        endPoint is IPEndPoint { Address: var address }
        && IPAddress.IsLoopback(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);
}

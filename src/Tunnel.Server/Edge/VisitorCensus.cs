using System.Net;
using Tunnel.Server.Diagnostics;
using Tunnel.Transport;

namespace Tunnel.Server.Edge;

/// <summary>
/// How many visitors are connected, in all and from each address, over all ports together (docs/operating.md, "Limits"). Safe from
/// any thread.
/// </summary>
internal sealed class VisitorCensus(ServerOptions options, ServerMetrics metrics)
{
    private readonly AddressCounter _perAddress = new();
    private int _count;

    /// <summary>Open visitor connections.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Open visitor connections from one address.</summary>
    public int CountFrom(IPAddress address) => _perAddress.CountOf(address);

    /// <summary>False, and not counted, when there are too many already. Who was counted leaves with <see cref="Leave"/>.</summary>
    public bool TryEnter(IPAddress address)
    {
        if (Count >= options.Visitors.MaxConnections || !_perAddress.TryAdd(address, MostFrom(address)))
        {
            return false;
        }

        Interlocked.Increment(ref _count);
        metrics.VisitorChanged(+1);
        return true;
    }

    public void Leave(IPAddress address)
    {
        _perAddress.Remove(address);
        Interlocked.Decrement(ref _count);
        metrics.VisitorChanged(-1);
    }

    // Everybody's visitors come through a trusted proxy.
    private int MostFrom(IPAddress address) =>
        options.Front.TrustedProxies.Contains(address) ? int.MaxValue : options.Visitors.MaxConnectionsPerAddress;
}

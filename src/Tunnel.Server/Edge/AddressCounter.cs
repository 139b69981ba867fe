using System.Net;

namespace Tunnel.Server.Edge;

/// <summary>Counts connections per address against a limit. Holds an entry only while there is something to count.</summary>
internal sealed class AddressCounter
{
    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, int> _counts = [];

    /// <summary>False, and not counted, when the address is at its limit.</summary>
    public bool TryAdd(IPAddress address, int limit)
    {
        lock (_lock)
        {
            int count = _counts.GetValueOrDefault(address);
            if (count >= limit)
            {
                return false;
            }

            _counts[address] = count + 1;
            return true;
        }
    }

    public void Remove(IPAddress address)
    {
        lock (_lock)
        {
            int count = _counts[address] - 1;
            if (count == 0)
            {
                _counts.Remove(address);
            }
            else
            {
                _counts[address] = count;
            }
        }
    }
}

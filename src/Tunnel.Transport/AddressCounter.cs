using System.Net;

namespace Tunnel.Transport;

/// <summary>
/// Counts connections per address (<see cref="CustomerAddress"/>) against a limit. Holds an entry only while there is
/// something to count.
/// </summary>
public sealed class AddressCounter
{
    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, int> _counts = [];

    /// <summary>False, and not counted, when the address is at its limit.</summary>
    public bool TryAdd(IPAddress address, int limit)
    {
        IPAddress key = CustomerAddress.Of(address);
        lock (_lock)
        {
            int count = _counts.GetValueOrDefault(key);
            if (count >= limit)
            {
                return false;
            }

            _counts[key] = count + 1;
            return true;
        }
    }

    /// <summary>How many there are from an address now.</summary>
    public int CountOf(IPAddress address)
    {
        lock (_lock)
        {
            return _counts.GetValueOrDefault(CustomerAddress.Of(address));
        }
    }

    /// <summary>One that was counted has ended.</summary>
    public void Remove(IPAddress address)
    {
        IPAddress key = CustomerAddress.Of(address);
        lock (_lock)
        {
            int count = _counts[key] - 1;
            if (count == 0)
            {
                _counts.Remove(key);
            }
            else
            {
                _counts[key] = count;
            }
        }
    }
}

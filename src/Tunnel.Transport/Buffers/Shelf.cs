using System.Diagnostics.CodeAnalysis;

namespace Tunnel.Transport.Buffers;

/// <summary>
/// A bounded last-in-first-out store of reusable objects, safe from any thread. What was used last is handed
/// out first because it is the most likely to be in a cache. Objects beyond the bound are left to the collector.
/// </summary>
internal sealed class Shelf<T>(int capacity)
    where T : class
{
    private readonly Lock _gate = new();
    private T?[] _items = [];
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public bool TryTake([NotNullWhen(true)] out T? item)
    {
        if (Volatile.Read(ref _count) == 0)
        {
            item = null;
            return false;
        }

        lock (_gate)
        {
            if (_count == 0)
            {
                item = null;
                return false;
            }

            item = _items[--_count]!;
            _items[_count] = null;
            return true;
        }
    }

    /// <summary>False when the shelf is full; the object then stays with the caller.</summary>
    public bool TryPut(T item)
    {
        lock (_gate)
        {
            if (_count == _items.Length)
            {
                if (_count >= capacity)
                {
                    return false;
                }

                Array.Resize(ref _items, Math.Min(capacity, Math.Max(16, _count * 2)));
            }

            _items[_count++] = item;
            return true;
        }
    }

    /// <summary>Forgets everything, the room for it included.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _items = [];
            _count = 0;
        }
    }
}

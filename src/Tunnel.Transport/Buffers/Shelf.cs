using System.Diagnostics.CodeAnalysis;

namespace Tunnel.Transport.Buffers;

/// <summary>
/// A bounded last-in-first-out store of reusable objects, safe from any thread. What was used last is handed
/// out first because it is the most likely to be in a cache. Objects beyond the bound are left to the collector, and with
/// <see cref="Age"/> those that nobody needed for a while.
/// </summary>
public sealed class Shelf<T>(int capacity)
    where T : class
{
    private readonly Lock _gate = new();
    private T?[] _items = [];
    private int _count;
    private int _least;

    /// <summary>Objects on the shelf.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>The one put here last; false when there is none.</summary>
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
            _least = Math.Min(_least, _count);
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

    /// <summary>
    /// Forgets what lay here all the time since the last call: so many were never needed. Returns how many that were.
    /// </summary>
    /// <param name="forgotten">Is told of each; must not come back here.</param>
    public int Age(Action<T>? forgotten = null)
    {
        lock (_gate)
        {
            int unused = _least;
            for (int i = 0; forgotten is not null && i < unused; i++)
            {
                forgotten(_items[i]!);
            }

            _count -= unused;

            // Which ones go does not matter: those on top were in use last.
            Array.Copy(_items, unused, _items, 0, _count);
            Array.Clear(_items, _count, unused);
            _least = _count;
            return unused;
        }
    }

    /// <summary>Forgets everything, the room for it included.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _items = [];
            _count = 0;
            _least = 0;
        }
    }
}

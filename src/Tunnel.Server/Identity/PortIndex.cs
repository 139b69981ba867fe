using System.Collections.Frozen;

namespace Tunnel.Server.Identity;

/// <summary>The port ranges of many tokens, found by a port they contain without trying each. Immutable.</summary>
internal sealed class PortIndex
{
    private readonly FrozenDictionary<int, string[]> _single;
    private readonly (PortRange Ports, string TokenId)[] _ranges;

    // The highest port of this range and all before it: below it nothing further back can contain a port.
    private readonly int[] _reach;

    public PortIndex(IEnumerable<(PortRange Ports, string TokenId)> pairs)
    {
        List<(PortRange Ports, string TokenId)> all = [.. pairs];
        _single = all.Where(pair => pair.Ports.First == pair.Ports.Last)
            .GroupBy(pair => pair.Ports.First, pair => pair.TokenId)
            .ToFrozenDictionary(same => same.Key, same => same.ToArray());
        _ranges = [.. all.Where(pair => pair.Ports.First < pair.Ports.Last).OrderBy(pair => pair.Ports.First)];
        _reach = new int[_ranges.Length];
        for (int i = 0; i < _ranges.Length; i++)
        {
            _reach[i] = Math.Max(_ranges[i].Ports.Last, i == 0 ? 0 : _reach[i - 1]);
        }
    }

    /// <summary>The tokens with this port in one of their ranges; one with several such ranges comes several times.</summary>
    public IEnumerable<string> Find(int port)
    {
        foreach (string token in _single.GetValueOrDefault(port) ?? [])
        {
            yield return token;
        }

        for (int i = LastFrom(port); i >= 0 && _reach[i] >= port; i--)
        {
            if (_ranges[i].Ports.Contains(port))
            {
                yield return _ranges[i].TokenId;
            }
        }
    }

    // The last range that begins at the port or below it; -1: none does.
    private int LastFrom(int port)
    {
        int low = 0;
        int high = _ranges.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_ranges[middle].Ports.First <= port)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low - 1;
    }
}

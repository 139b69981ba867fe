using System.Collections.Immutable;

namespace Tunnel.Server.Identity;

/// <summary>Which tokens have something to do with a name, by their ids. Immutable: a change makes a new one that shares all the rest.</summary>
internal sealed class NameIndex
{
    private static readonly ImmutableDictionary<string, ImmutableArray<string>> None = ImmutableDictionary.Create<string, ImmutableArray<string>>(StringComparer.Ordinal);

    private readonly ImmutableDictionary<string, ImmutableArray<string>> _tokens;

    public NameIndex(IEnumerable<(string Name, string TokenId)> pairs)
        : this(None.AddRange(pairs
            .GroupBy(pair => pair.Name, pair => pair.TokenId, StringComparer.Ordinal)
            .Select(same => KeyValuePair.Create(same.Key, same.Distinct().ToImmutableArray()))))
    {
    }

    private NameIndex(ImmutableDictionary<string, ImmutableArray<string>> tokens) => _tokens = tokens;

    public ImmutableArray<string> Find(string name) => _tokens.TryGetValue(name, out ImmutableArray<string> tokens) ? tokens : [];

    public NameIndex With(string name, string tokenId)
    {
        ImmutableArray<string> before = Find(name);
        return before.Contains(tokenId) ? this : new NameIndex(_tokens.SetItem(name, before.Add(tokenId)));
    }

    public NameIndex Without(string name, string tokenId)
    {
        ImmutableArray<string> left = Find(name).Remove(tokenId);
        return new NameIndex(left.IsEmpty ? _tokens.Remove(name) : _tokens.SetItem(name, left));
    }
}

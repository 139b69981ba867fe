using System.Collections.Frozen;

namespace Tunnel.Server.Identity;

/// <summary>
/// The patterns with a star of many tokens, found by the name they cover without trying each. Patterns that are alike in
/// how much stands before and after the star are one table, and a name is looked up once in each; a server with
/// thousands of tokens has a handful of such tables. Immutable.
/// </summary>
internal sealed class PatternIndex
{
    private const char Star = '*';

    private readonly Table[] _tables;

    /// <param name="patterns">Of whole names, each with one star, and the ids of the tokens they are of.</param>
    public PatternIndex(IEnumerable<(string Pattern, string TokenId)> patterns) => _tables =
        [.. patterns
            .Select(pair => (pair.Pattern, pair.TokenId, Before: pair.Pattern.IndexOf(Star, StringComparison.Ordinal)))
            .GroupBy(pair => (pair.Before, After: pair.Pattern.Length - pair.Before - 1))
            .Select(alike => new Table(
                alike.Key.Before,
                alike.Key.After,
                alike.GroupBy(pair => pair.Pattern, pair => pair.TokenId).ToFrozenDictionary(same => same.Key, same => same.Distinct().ToArray())))];

    /// <summary>The tokens with a pattern that covers the name; one with several such patterns comes several times.</summary>
    public IEnumerable<string> Find(string name) => _tables.SelectMany(table => table.Find(name));

    private sealed record Table(int Before, int After, FrozenDictionary<string, string[]> Tokens)
    {
        public string[] Find(string name)
        {
            int covered = name.Length - Before - After;
            if (covered < 1 || name.AsSpan(Before, covered).Contains('.'))
            {
                return [];
            }

            string pattern = string.Concat(name.AsSpan(0, Before), [Star], name.AsSpan(name.Length - After));
            return Tokens.GetValueOrDefault(pattern) ?? [];
        }
    }
}

using System.Buffers;

namespace Tunnel.Framing.Frames;

/// <summary>What each side says it can do beyond this version (docs/protocol.md, section 3, "Terms"). Nothing so far.</summary>
internal static class FeatureNames
{
    public const int Most = 32;

    /// <summary>Characters of one name.</summary>
    public const int MostLength = 32;

    private static readonly SearchValues<char> Letters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>Null, or what is wrong with the list, as the end of a sentence. Names that nobody here knows are fine.</summary>
    public static string? FindFault(IReadOnlyList<string>? names)
    {
        if (names?.Count > Most)
        {
            return $"lists more than {Most} features";
        }

        return names?.All(IsName) == false
            ? $"lists a feature whose name is not 1 to {MostLength} lower-case letters, digits and hyphens"
            : null;
    }

    // The list's own null check stops at the list.
    private static bool IsName(string? name) => name is { Length: > 0 and <= MostLength } && !name.AsSpan().ContainsAnyExcept(Letters);
}

using System.Buffers;

namespace Tunnel.Framing.Frames;

/// <summary>
/// What each side says of itself in HELLO and WELCOME, and both keep to (docs/protocol.md, section 3, "Terms"). Features are names
/// of what it can do beyond this version: there are none so far, and those that nobody here knows are fine.
/// </summary>
internal static class SessionTerms
{
    private const int MostFeatures = 32;
    private const int MostNameLength = 32;

    private static readonly SearchValues<char> Letters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>Null, or what is wrong, as the end of a sentence.</summary>
    public static string? FindFault(IReadOnlyList<string>? features, int? streams, int? uploadWindow) =>
        streams is < 1 or > ProtocolLimits.MostStreams ? $"has streams outside 1 to {ProtocolLimits.MostStreams}"
        : uploadWindow is < ProtocolLimits.LeastWindow or > ProtocolLimits.MostWindow
            ? $"has an uploadWindow outside {ProtocolLimits.LeastWindow} to {ProtocolLimits.MostWindow}"
        : features?.Count > MostFeatures ? $"lists more than {MostFeatures} features"
        : features?.All(IsName) == false
            ? $"lists a feature whose name is not 1 to {MostNameLength} lower-case letters, digits and hyphens"
        : null;

    // The list's own null check stops at the list.
    private static bool IsName(string? name) => name is { Length: > 0 and <= MostNameLength } && !name.AsSpan().ContainsAnyExcept(Letters);
}

namespace Tunnel.Framing.Frames;

/// <summary>What each side says of itself in HELLO and WELCOME, and both keep to (docs/protocol.md, section 3, "Terms").</summary>
internal static class SessionTerms
{
    /// <summary>Null, or what is wrong, as the end of a sentence.</summary>
    public static string? FindFault(IReadOnlyList<string>? features, int? streams, int? uploadWindow) =>
        streams is < 1 or > ProtocolLimits.MostStreams ? $"has streams outside 1 to {ProtocolLimits.MostStreams}"
        : uploadWindow is < ProtocolLimits.LeastWindow or > ProtocolLimits.MostWindow
            ? $"has an uploadWindow outside {ProtocolLimits.LeastWindow} to {ProtocolLimits.MostWindow}"
        : FeatureNames.FindFault(features);
}

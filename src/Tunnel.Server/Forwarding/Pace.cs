using Tunnel.Hosting.Options;

namespace Tunnel.Server.Forwarding;

/// <summary>How slow a visitor may be in one direction (docs/operating.md, "Limits").</summary>
public sealed record PaceRule
{
    /// <summary>Bytes a second.</summary>
    public int LeastRate { get; init; } = 240;

    /// <summary>How long anybody may keep us waiting before the rate counts.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long nothing may move at all, however fast the visitor was before.</summary>
    public TimeSpan StallTime { get; init; } = TimeSpan.FromSeconds(30);

    internal static IReadOnlyList<OptionDeclaration<PaceRule>> Declarations { get; } =
    [
        Declare<PaceRule>.Number("least-rate", "Bytes a second a visitor must send or take while it is waited for.", o => o.LeastRate, (o, v) => o with { LeastRate = v }, 1) with
        {
            Details = "Below it: 408 for an upload, cut for a reader.",
        },
        Declare<PaceRule>.Seconds("slow-grace", "How long a visitor may be waited for before the rate counts.", o => o.Grace, (o, v) => o with { Grace = v }) with { Details = "Then as above." },
        Declare<PaceRule>.Seconds("stall-time", "How long a visitor that was fast before may do nothing.", o => o.StallTime, (o, v) => o with { StallTime = v }) with { Details = "Then as above." },
    ];
}

/// <summary>
/// Measures one direction of a visitor against the rule. Only time in which the visitor is what we wait for counts. Speed in
/// the past buys slowness later, up to the rule's <see cref="PaceRule.StallTime"/>. Pure.
/// </summary>
internal struct Pace(PaceRule rule)
{
    private TimeSpan _saved;

    /// <summary>How long the visitor may keep us waiting from here on if nothing moves. Below zero: it was too slow.</summary>
    public readonly TimeSpan Left => rule.Grace + _saved;

    /// <summary>We waited so long, and meanwhile so many bytes moved.</summary>
    public void Waited(TimeSpan time, long bytes)
    {
        TimeSpan saved = _saved + TimeSpan.FromSeconds((double)bytes / rule.LeastRate) - time;
        TimeSpan most = rule.StallTime - rule.Grace;
        _saved = saved > most ? most : saved;
    }
}

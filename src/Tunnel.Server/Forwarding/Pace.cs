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

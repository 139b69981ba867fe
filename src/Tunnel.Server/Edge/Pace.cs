namespace Tunnel.Server.Edge;

/// <summary>
/// How slow a visitor may be in one direction (DESIGN section 9): 240 bytes a second after 5 s of grace. Only time in which
/// the visitor is what we wait for counts. Speed in the past buys at most <see cref="MostSaved"/> of slowness later. Pure.
/// </summary>
internal struct Pace
{
    /// <summary>Bytes a second.</summary>
    public const int LeastRate = 240;

    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    public static readonly TimeSpan MostSaved = TimeSpan.FromSeconds(30);

    private TimeSpan _saved;

    /// <summary>How long the visitor may let us wait for its next bytes.</summary>
    public readonly TimeSpan ReadTime => Grace + _saved;

    /// <summary>How long it may take to take so many bytes.</summary>
    public static TimeSpan WriteTime(long bytes) => Grace + TimeSpan.FromSeconds((double)bytes / LeastRate);

    /// <summary>We waited, and so many bytes came.</summary>
    public void Waited(TimeSpan time, long bytes)
    {
        TimeSpan saved = _saved + TimeSpan.FromSeconds((double)bytes / LeastRate) - time;
        _saved = saved > MostSaved ? MostSaved : saved;
    }
}

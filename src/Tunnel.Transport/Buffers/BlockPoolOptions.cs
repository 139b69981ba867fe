namespace Tunnel.Transport.Buffers;

/// <summary>What a <see cref="BlockPool"/> keeps and how strict it is.</summary>
public sealed record BlockPoolOptions
{
    /// <summary>
    /// Most unused bytes kept for each size class; what comes back beyond it is left to the collector. Beside it each
    /// processor keeps at most one block of each class.
    /// </summary>
    public int RetainedBytesPerClass { get; init; } = 256 * 1024 * 1024;

    /// <summary>
    /// What was not needed for this long is left to the collector. Under load blocks go round instead of becoming garbage,
    /// so the program never holds more than it needed at one time within it; afterwards a peak does not stay resident.
    /// </summary>
    public TimeSpan KeepFor { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The clock of <see cref="KeepFor"/>.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// Strict: an owner is never reused (only its array is), so a second return is found however late it comes,
    /// and throws <see cref="InvalidOperationException"/>. Costs one small object per rent. Not strict: owners are
    /// reused and a second return that comes before the next rent is ignored. Strict in debug builds.
    /// </summary>
    public bool Strict { get; init; } = IsDebugBuild;

    private static bool IsDebugBuild =>
#if DEBUG
        true;
#else
        false;
#endif

    /// <exception cref="ArgumentOutOfRangeException">A value makes no sense.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(RetainedBytesPerClass);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(KeepFor, TimeSpan.Zero);
    }
}

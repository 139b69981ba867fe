namespace Tunnel.Transport.Buffers;

/// <summary>What a <see cref="BlockPool"/> keeps and how strict it is.</summary>
public sealed record BlockPoolOptions
{
    /// <summary>
    /// Unused bytes kept for each size class. What comes back beyond it is left to the collector, so a peak does
    /// not stay resident. Beside it each processor keeps at most one block of each class.
    /// </summary>
    public int RetainedBytesPerClass { get; init; } = 16 * 1024 * 1024;

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
    public void Validate() => ArgumentOutOfRangeException.ThrowIfNegative(RetainedBytesPerClass);
}

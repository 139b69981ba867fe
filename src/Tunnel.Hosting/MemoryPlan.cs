namespace Tunnel.Hosting;

/// <summary>
/// What a program may hold for its peers, and what follows from it for all that is sized (docs/architecture.md, "Memory").
/// Where memory is plenty every size is the one that is fastest; below, all shrink together. Bytes.
/// </summary>
public sealed record MemoryPlan
{
    /// <summary>The least a program can work with: a handful of streams, and a large head beside them.</summary>
    public const long LeastLimit = 8L * 1024 * 1024;

    /// <summary>The rest is for code, objects, garbage, and what the system holds for sockets.</summary>
    private const int PartOfAll = 3;

    private const int LeastPiece = 16 * 1024;
    private const int MostPiece = 64 * 1024;

    /// <param name="limit">At least <see cref="LeastLimit"/>; null: a third of what this process can get.</param>
    public MemoryPlan(long? limit = null) =>
        Limit = limit ?? Math.Max(LeastLimit, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / PartOfAll);

    /// <summary>All of it together.</summary>
    public long Limit { get; }

    /// <summary>What is moved in one go, and what may wait behind it in a connection or a stream.</summary>
    public int Piece => (int)Math.Clamp(System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)Limit / 2048), LeastPiece, MostPiece);

    /// <summary>What copies of bodies, or the requests that wait for an agent, may take together.</summary>
    public long Copies => Math.Min(16L * 1024 * 1024, Limit / 8);

    /// <summary>What one session may have sent and not acknowledged.</summary>
    public int Unacknowledged => (int)Math.Clamp(Limit / 16, 1024 * 1024, 8 * 1024 * 1024);

    /// <summary>Unused blocks of one size that are kept for the next use.</summary>
    public int Retained => (int)Math.Min(256L * 1024 * 1024, Limit / 8);

    /// <exception cref="ArgumentException">No program can work with so little.</exception>
    public static MemoryPlan Of(long? limit) => limit is null or >= LeastLimit
        ? new MemoryPlan(limit)
        : throw new ArgumentException($"--memory-limit is at least {LeastLimit >> 20}MiB.");
}

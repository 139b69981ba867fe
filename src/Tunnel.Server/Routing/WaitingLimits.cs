namespace Tunnel.Server.Routing;

/// <summary>How requests wait at a name (docs/architecture.md, "Requests that wait").</summary>
internal sealed record WaitingLimits
{
    /// <summary>From a request's arrival; zero: nothing waits.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long a name is known after its last session ended.</summary>
    public TimeSpan NameMemory { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Requests that wait, in all.</summary>
    public int MostRequests { get; init; } = 10_000;

    /// <summary>What they keep in memory, in all.</summary>
    public long MostBytes { get; init; } = 16L * 1024 * 1024;

    /// <summary>
    /// How much of all room a request takes, whichever of the two bounds is the scarce one: so that names can be compared.
    /// </summary>
    public long WeightOf(in RouteRequest request) => request.Bytes + (MostBytes / MostRequests);
}

namespace Tunnel.Server.Routing;

/// <summary>
/// A request that waits at its name for a session (docs/architecture.md, "Requests that wait"). Costs no timer and no thread;
/// <see cref="WaitingRequests"/> owns its place in the row until <see cref="Released"/> completes.
/// </summary>
internal sealed class WaitingRequest(WaitingRequests row, NameEntry entry, in RouteRequest request)
{
    private readonly TaskCompletionSource<Route> _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public RouteRequest Request { get; } = request;

    /// <summary>Completes when the waiting is over, whatever its outcome.</summary>
    public Task<Route> Released => _released.Task;

    /// <summary>Whoever asked has left: its place is free at once, and a stream opened for it meanwhile is closed.</summary>
    public void Cancel() => row.Cancel(this);

    internal NameEntry Entry { get; } = entry;

    /// <summary>Its place in the row, null while it is in none; guarded by the registry's lock.</summary>
    internal LinkedListNode<WaitingRequest>? Place { get; set; }

    /// <summary>A stream has given way to it; guarded by the registry's lock.</summary>
    internal bool HasAPlace { get; set; }

    /// <summary>A stream is being opened for it; guarded by the registry's lock.</summary>
    internal bool IsInHand { get; set; }

    /// <summary>False when it was released before.</summary>
    internal bool TryRelease(in Route route) => _released.TrySetResult(route);
}

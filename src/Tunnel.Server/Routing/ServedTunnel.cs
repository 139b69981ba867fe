using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Server.Guards;

namespace Tunnel.Server.Routing;

/// <summary>One public name as one session serves it.</summary>
/// <param name="request">What the agent asked for.</param>
/// <param name="since">When it was granted.</param>
internal sealed class ServedTunnel(string name, TunnelRequest request, IServingSession session, DateTimeOffset since)
{
    private long _refusedAt = long.MinValue;

    /// <summary>The public name: lower case, no final dot.</summary>
    public string Name { get; } = name;

    /// <summary>One of <see cref="TunnelTypes"/>.</summary>
    public string Type { get; } = request.Type;

    /// <summary>The agent's number for it; OPEN names it.</summary>
    public uint Id { get; } = request.Id;

    public IServingSession Session { get; } = session;

    /// <summary>Its session as claims of names know it.</summary>
    /// <exception cref="InvalidCastException">It is not one of an agent that is connected here.</exception>
    public TunnelHolder Holder => (TunnelHolder)Session;

    public DateTimeOffset Since { get; } = since;

    /// <summary>The agent asked for this very name; otherwise the server chose it, now or before.</summary>
    public bool IsWanted { get; } =
        ((request.Subdomain ?? request.Hostname) is not null || request.Port is not null) && !(request.Kept ?? false);

    /// <summary>
    /// Its session has really served it, so the name is remembered by it. A claim that was given up leaves nothing behind.
    /// </summary>
    public bool WasServed { get; set; }

    /// <summary>Its session has let go of it for good; guarded by the registry's lock.</summary>
    public bool IsOver { get; set; }

    /// <summary>Others that ask for it as well may serve the same name.</summary>
    public bool IsPooled { get; } = request.Pool ?? false;

    /// <summary>What the origin gets as Host; null: what the visitor sent.</summary>
    public byte[]? HostHeader { get; } = request.HostHeader is { } host ? Encoding.ASCII.GetBytes(host) : null;

    /// <summary>How the origin is named where it runs; null: the agent did not say.</summary>
    public LocalServer? Local { get; } = LocalServer.Of(request);

    /// <summary>Whether Via is added on the way to the origin.</summary>
    public bool AddsVia { get; } = request.Via ?? true;

    /// <summary>Fields that are changed on the way to the origin; null: none.</summary>
    public HeaderRules? RequestHeaders { get; } = HeaderRules.OfRequests(request.Headers);

    /// <summary>The same on the way back.</summary>
    public HeaderRules? AnswerHeaders { get; } = HeaderRules.OfAnswers(request.Headers);

    /// <summary>Browsers that open a page while its agent is away see that they wait.</summary>
    public bool HasWaitingPage { get; } = request.WaitingPage ?? false;

    /// <summary>Opens a stream for a request; null when the session takes none.</summary>
    public Route? TryOpen(in RouteRequest request) =>
        Session.TryOpen(request.Open with { TunnelId = Id }) is { } stream ? new Route(RouteOutcome.Found, this, stream) : null;

    /// <summary>
    /// Whether it is one thing to a visitor which of the two serves a request: what one of them keeps out must not find a way in by
    /// the other.
    /// </summary>
    public bool MayServeBeside(ServedTunnel other) => Type == other.Type && VisitorGuard.HaveSameRules(Guard, other.Guard);

    /// <summary>Whom it lets through; null: everybody.</summary>
    public VisitorGuard? Guard { get; init; }

    /// <summary>The origin behind it just refused a connection, or (null) has answered.</summary>
    /// <param name="at">The registry's clock.</param>
    public void OriginRefused(TimeSpan? at) => Volatile.Write(ref _refusedAt, at?.Ticks ?? long.MinValue);

    /// <summary>Whether its origin refused within this time.</summary>
    public bool HasRefused(TimeSpan now, TimeSpan within) =>
        Volatile.Read(ref _refusedAt) is var at && at != long.MinValue && now.Ticks - at < within.Ticks;
}

namespace Tunnel.Server.Routing;

/// <summary>Which requests wait for a session, and what the others are told (docs/architecture.md, "Requests that wait"). Pure.</summary>
internal static class WaitingRule
{
    /// <param name="entry">What is known of the name; null: nothing.</param>
    /// <param name="isKnown">It was served a moment ago, or when the request came.</param>
    /// <param name="isYoung">The server has just begun: the agent of any name may be on its way.</param>
    /// <returns>
    /// What the request is told if nobody comes, and whether waiting for somebody makes sense. No outcome: nothing is known
    /// of the name here, so it is for the tokens to say whether it is anybody's.
    /// </returns>
    public static (RouteOutcome? Otherwise, bool IsWorthIt) Judge(NameEntry? entry, bool isKnown, bool isYoung, in RouteRequest request)
    {
        IServingSession? refused = request.Refused;
        if (entry?.Type is { } type && type != request.Type)
        {
            return (RouteOutcome.NotFound, false);
        }

        if (entry is not { Tunnels.Count: > 0 })
        {
            return isKnown ? (RouteOutcome.Offline, true) : (null, isYoung);
        }

        bool isFull = entry.Tunnels.Exists(tunnel => tunnel.Session.IsAttached && !tunnel.Session.IsLeaving);
        if (!isFull)
        {
            return (RouteOutcome.Offline, true);
        }

        return (RouteOutcome.TooBusy, refused is null || entry.Tunnels.Exists(tunnel => tunnel.Session != refused));
    }
}

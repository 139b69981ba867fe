using Tunnel.Agent.Connection;
using Tunnel.Agent.Tunnels;

namespace Tunnel.Agent.Console;

/// <summary>An agent as it can be shown, at one moment.</summary>
/// <param name="Sessions">That stand.</param>
/// <param name="Streams">Requests and raw connections under way.</param>
/// <param name="RoundTrip">The shortest of the last seconds; null: not measured yet.</param>
/// <param name="Exit">Why it has ended; null: it has not.</param>
internal sealed record AgentView(
    AgentStatus Status, int Sessions, int Streams, ServerFacts Server, TimeSpan? RoundTrip, IReadOnlyList<TunnelView> Tunnels, AgentExit? Exit);

internal readonly record struct TunnelView(uint Id, TunnelOptions Options, TunnelStatus Status);

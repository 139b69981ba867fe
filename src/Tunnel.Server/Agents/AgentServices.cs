using Microsoft.Extensions.Logging;
using Tunnel.Framing.Sessions;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Agents;

/// <summary>What every agent's session needs and none owns.</summary>
/// <param name="Session">Options of a session: pool, clock and shared memory filled in.</param>
/// <param name="PublicUrl">From a public name to what a visitor types.</param>
internal sealed record AgentServices(
    ServerOptions Options,
    TunnelRegistry Registry,
    AgentDirectory Directory,
    SessionOptions Session,
    Func<string, string> PublicUrl,
    Diagnostics.ServerMetrics Metrics,
    ILogger Log);

using Microsoft.Extensions.Logging;
using Tunnel.Framing.Sessions;
using Tunnel.Server.Guards;
using Tunnel.Server.Identity;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Agents;

/// <summary>What every agent's session needs and none owns.</summary>
/// <param name="Session">Options of a session: pool, clock and shared memory filled in.</param>
/// <param name="Addresses">Which name a tunnel gets, and what visitors type.</param>
internal sealed record AgentServices(
    ServerOptions Options,
    TunnelRegistry Registry,
    AgentDirectory Directory,
    SessionOptions Session,
    TunnelAddresses Addresses,
    Diagnostics.ServerMetrics Metrics,
    ILogger Log)
{
    /// <summary>How many sessions there may be.</summary>
    public SessionPlaces Places { get; } = new(Options, Directory);

    /// <summary>The lines about agents that are refused, sessions or names.</summary>
    public Diagnostics.PeerLines Refusals { get; } = new(Session.Time, Log);

    /// <summary>Who an agent is and what it may use.</summary>
    public required Gatekeeper Gate { get; init; }

    /// <summary>Checks the passwords that tunnels ask their visitors for.</summary>
    public required PasswordChecks Passwords { get; init; }

    /// <summary>The certificate for a name, for agents that trust authorities; null: the server's own key.</summary>
    public Func<string?, System.Net.Security.SslStreamCertificateContext?> FindCertificate { get; init; } = _ => null;

    /// <summary>Shown to agents over TLS; null: this server speaks none with them.</summary>
    public required ServerKey? Key { get; init; }
}

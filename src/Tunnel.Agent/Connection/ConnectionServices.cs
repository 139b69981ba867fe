using Microsoft.Extensions.Logging;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Sessions;

namespace Tunnel.Agent.Connection;

/// <summary>What every session of an agent needs and none owns.</summary>
/// <param name="Watch">Is shown every exchange; null: nobody watches.</param>
/// <param name="Session">Options of a session: pool and clock filled in, the resume window left to the server.</param>
internal sealed record ConnectionServices(
    AgentOptions Options,
    AgentSelf Self,
    TunnelTable Tunnels,
    OriginMemory Memory,
    SessionOptions Session,
    IAgentEvents Events,
    IExchangeWatch? Watch,
    ILogger Log)
{
    public TimeProvider Time => Session.Time;

    /// <summary>When the token may be shown.</summary>
    public TokenDoubt Doubt { get; } = new(Session.Time);

    public string Server => $"{Options.Link.Host}:{Options.Link.Port}";
}

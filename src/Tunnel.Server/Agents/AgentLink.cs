using Tunnel.Server.Identity;
using Tunnel.Transport;

namespace Tunnel.Server.Agents;

/// <summary>A connection on which an agent may say HELLO, and what is known of it so far.</summary>
internal readonly record struct AgentLink(IConnection Connection, LinkFacts Facts);

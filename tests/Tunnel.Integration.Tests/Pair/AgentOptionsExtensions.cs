using Tunnel.Agent;
using Tunnel.Agent.Link;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;

namespace Tunnel.Integration.Tests.Pair;

/// <summary>Changes of one part of an agent that has one tunnel.</summary>
public static class AgentOptionsExtensions
{
    public static AgentOptions Link(this AgentOptions options, Func<LinkOptions, LinkOptions> change) => options with { Link = change(options.Link) };

    public static AgentOptions Tunnel(this AgentOptions options, Func<TunnelOptions, TunnelOptions> change) => options with { Tunnels = [change(options.Tunnels.Single())] };

    public static AgentOptions Origin(this AgentOptions options, Func<OriginOptions, OriginOptions> change) =>
        options.Tunnel(tunnel => tunnel with { Origin = change(tunnel.Origin) });
}

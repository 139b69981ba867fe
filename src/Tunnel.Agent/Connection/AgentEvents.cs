using System.Net;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;

namespace Tunnel.Agent.Connection;

/// <summary>What the person who runs the agent is told, of each tunnel in the order it happens. Called from any thread.</summary>
public interface IAgentEvents
{
    /// <summary>A tunnel can be used; said again for each session that serves it.</summary>
    /// <param name="server">Where the server is; null: behind a proxy, where only that one knows.</param>
    public void OnForwarding(TunnelOptions tunnel, TunnelGrant grant, IPEndPoint? server);
}

/// <summary>Why an agent ended for good.</summary>
public enum AgentExit
{
    /// <summary>Stopped as asked.</summary>
    Stopped = ExitCodes.Stopped,
    TokenRefused = ExitCodes.TokenRefused,
    NameRefused = ExitCodes.NameRefused,
    VersionRefused = ExitCodes.VersionRefused,
}

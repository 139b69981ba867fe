using System.Net;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;

namespace Tunnel.Agent.Connection;

/// <summary>What the person who runs the agent is told, in the order it happens. Called from one loop, one at a time.</summary>
public interface IAgentEvents
{
    /// <summary>The tunnel can be used.</summary>
    /// <param name="server">Where the server is; null: behind a proxy, where only that one knows.</param>
    public void OnForwarding(TunnelGrant grant, IPEndPoint? server);
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

using System.Net;
using Tunnel.Agent.Connection;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Frames;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Pair;

/// <summary>Counts how often a tunnel came up, and keeps what was granted last.</summary>
public sealed class ForwardingSignal : IAgentEvents
{
    public Tally Times { get; } = new();

    public TunnelGrant? Grant { get; private set; }

    /// <summary>Where the agent says the server is.</summary>
    public IPEndPoint? Server { get; private set; }

    public void OnForwarding(TunnelOptions tunnel, TunnelGrant grant, IPEndPoint? server)
    {
        Grant = grant;
        Server = server;
        Times.Add();
    }
}

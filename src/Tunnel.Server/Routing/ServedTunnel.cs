using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Server.Routing;

/// <summary>One public name as one session serves it.</summary>
/// <param name="request">What the agent asked for.</param>
internal sealed class ServedTunnel(string name, TunnelRequest request, Session session)
{
    /// <summary>The public name: lower case, no final dot.</summary>
    public string Name { get; } = name;

    /// <summary>The agent's number for it; OPEN names it.</summary>
    public uint Id { get; } = request.Id;

    public Session Session { get; } = session;

    /// <summary>What the origin gets as Host; null: what the visitor sent.</summary>
    public byte[]? HostHeader { get; } = request.HostHeader is { } host ? Encoding.ASCII.GetBytes(host) : null;

    /// <summary>Whether Via is added on the way to the origin.</summary>
    public bool AddsVia { get; } = request.Via ?? true;
}

using System.Buffers;
using Microsoft.Extensions.Logging;
using Tunnel.Server.Forwarding;
using Tunnel.Server.Routing;
using Tunnel.Transport;

namespace Tunnel.Server.Edge;

/// <summary>What every visitor connection needs and none owns.</summary>
/// <param name="forwarding">What its requests need.</param>
internal sealed class EdgeServices(ForwardingServices forwarding)
{
    public ForwardingServices Forwarding => forwarding;

    public ServerOptions Options => forwarding.Options;

    public TunnelRegistry Registry => forwarding.Registry;

    public MemoryPool<byte> Pool => forwarding.Pool;

    public TimeProvider Time => forwarding.Time;

    /// <summary>Watches the deadlines of all connections.</summary>
    public DeadlineClock Clock => forwarding.Clock;

    public ILogger Log => forwarding.Log;

    /// <summary>Where connections rent what serves a request.</summary>
    public required ExchangeShelf Exchanges { get; init; }

    /// <summary>The limits that all ports share.</summary>
    public required VisitorCensus Census { get; init; }

    public required VisitorSockets Sockets { get; init; }

    public required Parting Parting { get; init; }

    /// <summary>What whoever speaks HTTP/2 alone is told.</summary>
    public required Http2Refusal Http2 { get; init; }

    /// <summary>Takes over an agent that came in at the HTTPS port; null while the server is put together.</summary>
    public Func<IConnection, Task>? TakeAgent { get; set; }
}

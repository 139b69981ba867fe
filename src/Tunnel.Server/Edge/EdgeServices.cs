using System.Buffers;
using Microsoft.Extensions.Logging;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Forwarding;
using Tunnel.Server.Routing;
using Tunnel.Transport;

namespace Tunnel.Server.Edge;

/// <summary>What every visitor connection needs and none owns.</summary>
internal sealed class EdgeServices
{
    public required ServerOptions Options { get; init; }

    public required TunnelRegistry Registry { get; init; }

    public required MemoryPool<byte> Pool { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>Watches the deadlines of all connections.</summary>
    public required DeadlineClock Clock { get; init; }

    public required HttpDate Date { get; init; }

    public required ServerMetrics Metrics { get; init; }

    /// <summary>Null: no line is written for a request.</summary>
    public required AccessLog? AccessLog { get; init; }

    public required ILogger Log { get; init; }
}

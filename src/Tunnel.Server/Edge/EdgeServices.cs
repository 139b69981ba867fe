using System.Buffers;
using Microsoft.Extensions.Logging;
using Tunnel.Server.Routing;
using Tunnel.Transport;

namespace Tunnel.Server.Edge;

/// <summary>What every visitor connection needs and none owns.</summary>
internal sealed record EdgeServices(
    ServerOptions Options,
    TunnelRegistry Registry,
    MemoryPool<byte> Pool,
    TimeProvider Time,
    DeadlineClock Clock,
    Forwarding.HttpDate Date,
    Diagnostics.ServerMetrics Metrics,
    Diagnostics.AccessLog? AccessLog,
    ILogger Log);

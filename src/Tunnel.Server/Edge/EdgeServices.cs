using System.Buffers;
using Microsoft.Extensions.Logging;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
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

    public required VisitorMemory Memory { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>Watches the deadlines of all connections.</summary>
    public required DeadlineClock Clock { get; init; }

    /// <summary>Where connections rent what serves a request.</summary>
    public required ExchangeShelf Exchanges { get; init; }

    /// <summary>The limits that all ports share.</summary>
    public required VisitorCensus Census { get; init; }

    /// <summary>What is refused before it is routed.</summary>
    public required EntryRules Rules { get; init; }

    public required Parting Parting { get; init; }

    public required HttpDate Date { get; init; }

    public required ServerMetrics Metrics { get; init; }

    /// <summary>Whether a name that nobody serves is one that TLS is passed on for, if anybody did.</summary>
    public Func<string, bool> IsPassthrough { get; init; } = static _ => false;

    /// <summary>
    /// What comes by TLS for this name is passed on as it is, and nothing else is served under it; while nobody serves it, too.
    /// </summary>
    public bool IsForTlsOnly(string name) => Registry.TypeOf(name) is { } type ? type == TunnelTypes.Tls : IsPassthrough(name);

    /// <summary>What whoever speaks HTTP/2 alone is told.</summary>
    public required Http2Refusal Http2 { get; init; }

    /// <summary>Takes over an agent that came in at the HTTPS port; null while the server is put together.</summary>
    public Func<IConnection, Task>? TakeAgent { get; set; }

    /// <summary>Null: no lines are written for requests and raw connections.</summary>
    public required AccessLog? AccessLog { get; init; }

    public required ILogger Log { get; init; }

    /// <summary>For logins that cannot work, because one connection carries many people.</summary>
    public RareLine RareLogin => field ??= new RareLine(Time);
}

using System.Buffers;
using Microsoft.Extensions.Logging;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Server.Certificates.Acme;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Routing;
using Tunnel.Transport;

namespace Tunnel.Server.Forwarding;

/// <summary>What every exchange and every raw connection needs and none owns.</summary>
internal sealed class ForwardingServices
{
    public required ServerOptions Options { get; init; }

    public required TunnelRegistry Registry { get; init; }

    public required MemoryPool<byte> Pool { get; init; }

    public required VisitorMemory Memory { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>Watches the deadlines of all connections and exchanges.</summary>
    public required DeadlineClock Clock { get; init; }

    /// <summary>What is refused before it is routed.</summary>
    public required EntryRules Rules { get; init; }

    public required HttpDate Date { get; init; }

    public required ServerMetrics Metrics { get; init; }

    /// <summary>Null: no lines are written for requests and raw connections.</summary>
    public required AccessLog? AccessLog { get; init; }

    public required ILogger Log { get; init; }

    /// <summary>Whether a name that nobody serves is one that TLS is passed on for, if anybody did.</summary>
    public Func<string, bool> IsPassthrough { get; init; } = static _ => false;

    /// <summary>What certificate authorities are answered; null: nothing is asked of them.</summary>
    public PendingProofs? Proofs { get; init; }

    /// <summary>What people see instead of waiting.</summary>
    public PagesAtOnce Pages => field ??= new PagesAtOnce(Options, Registry);

    /// <summary>For logins that cannot work, because one connection carries many people.</summary>
    public RareLine RareLogin => field ??= new RareLine(Time);

    /// <summary>
    /// What comes by TLS for this name is passed on as it is, and nothing else is served under it; while nobody serves it, too.
    /// </summary>
    public bool IsForTlsOnly(string name) => Registry.TypeOf(name) is { } type ? type == TunnelTypes.Tls : IsPassthrough(name);
}

using System.Globalization;
using Tunnel.Framing.Frames;

namespace Tunnel.Agent.Tunnels;

/// <summary>What the server is asked for a tunnel.</summary>
internal static class WantedTunnel
{
    private const string TcpPrefix = "tcp:";

    /// <param name="held">The name granted before, if any: a name or port the server chose stays ours until we exit.</param>
    public static TunnelRequest Of(uint id, TunnelOptions options, string? held) =>
        Plain(id, options, held) with
        {
            Pool = options.IsPooled ? true : null,
            Guard = options.Guard,
            Headers = options.Headers.ToChanges(),
            WaitingPage = options.HasWaitingPage ? true : null,
            Kept = held is not null && (options.Hostname ?? options.Subdomain) is null && options.RemotePort is null ? true : null,
        };

    private static TunnelRequest Plain(uint id, TunnelOptions options, string? held) => options.Protocol == TunnelTypes.Tcp
        ? new TunnelRequest { Id = id, Type = TunnelTypes.Tcp, Port = options.RemotePort ?? PortOf(held) }
        : new TunnelRequest
        {
            Id = id,
            Type = options.Protocol,
            Subdomain = options.Subdomain,
            Hostname = options.Hostname ?? (options.Subdomain is null ? held : null),
            HostHeader = options.HostHeader switch
            {
                "preserve" => null,
                "origin" => options.Origin.Authority,
                var value => value,
            },
            LocalOrigin = LocalOriginOf(options),
            Via = options.Via ? null : false,
        };

    // A local server at a Unix socket has no port that an answer could name, unless it is told that it has; and a host that is
    // not ASCII stands in no answer.
    private static string? LocalOriginOf(TunnelOptions options)
    {
        string origin = $"{(options.Origin.IsHttps ? "https" : "http")}://{options.Origin.Authority}";
        bool hasName = options.Protocol == TunnelTypes.Http && (options.Origin.Socket is null || options.HostHeader != "preserve");
        return hasName && TunnelRequest.IsLocalOrigin(origin) ? origin : null;
    }

    private static int? PortOf(string? held) =>
        held is not null && held.StartsWith(TcpPrefix, StringComparison.Ordinal)
        && int.TryParse(held.AsSpan(TcpPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int port)
            ? port
            : null;
}

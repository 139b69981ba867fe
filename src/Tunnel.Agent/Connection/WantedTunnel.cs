using System.Globalization;
using Tunnel.Framing.Frames;

namespace Tunnel.Agent.Connection;

/// <summary>The tunnel this agent asks for.</summary>
internal static class WantedTunnel
{
    /// <summary>The number of the one tunnel.</summary>
    public const uint Id = 1;

    private const string TcpPrefix = "tcp:";

    /// <param name="held">The name granted before, if any: a name or port the server chose stays ours until we exit.</param>
    public static TunnelRequest Of(AgentOptions options, string? held) =>
        Plain(options, held) with
        {
            Pool = options.Pool ? true : null,
            Guard = options.Guard,
            WaitingPage = options.WaitingPage ? true : null,
            Kept = held is not null && (options.Hostname ?? options.Subdomain) is null && options.RemotePort is null ? true : null,
        };

    private static TunnelRequest Plain(AgentOptions options, string? held) => options.Protocol == TunnelTypes.Tcp
        ? new TunnelRequest { Id = Id, Type = TunnelTypes.Tcp, Port = options.RemotePort ?? PortOf(held) }
        : new TunnelRequest
        {
            Id = Id,
            Type = options.Protocol,
            Subdomain = options.Subdomain,
            Hostname = options.Hostname ?? (options.Subdomain is null ? held : null),
            HostHeader = options.HostHeader switch
            {
                "preserve" => null,
                "origin" => options.OriginAuthority,
                var value => value,
            },
            LocalOrigin = LocalOriginOf(options),
            Via = options.Via ? null : false,
        };

    // A local server at a Unix socket has no port that an answer could name, unless it is told that it has; and a host that is
    // not ASCII stands in no answer.
    private static string? LocalOriginOf(AgentOptions options)
    {
        string origin = $"{(options.LocalHttps ? "https" : "http")}://{options.OriginAuthority}";
        bool hasName = options.Protocol == TunnelTypes.Http && (options.LocalSocket is null || options.HostHeader != "preserve");
        return hasName && TunnelRequest.IsLocalOrigin(origin) ? origin : null;
    }

    private static int? PortOf(string? held) =>
        held is not null && held.StartsWith(TcpPrefix, StringComparison.Ordinal)
        && int.TryParse(held.AsSpan(TcpPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int port)
            ? port
            : null;
}

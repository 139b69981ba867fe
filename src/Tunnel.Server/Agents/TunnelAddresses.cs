using System.Globalization;
using Tunnel.Framing.Frames;
using Tunnel.Server.Edge;
using Tunnel.Server.Identity;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Agents;

/// <summary>Which name a tunnel gets here, and what visitors type to reach it.</summary>
internal sealed class TunnelAddresses(ServerOptions options, TunnelRegistry registry)
{
    public required int HttpPort { get; init; }

    /// <summary>Null: there is no such port.</summary>
    public int? HttpsPort { get; init; }

    /// <summary>The server ends TLS for its tunnels.</summary>
    public bool TerminatesTls { get; init; }

    /// <summary>There is a certificate that clients take for a name: what is HTTP to an agent is reached by HTTPS.</summary>
    public Func<string, bool> HasCertificateFor { get; init; } = static _ => false;

    /// <summary>Null: there are no TCP tunnels.</summary>
    public TcpPorts? TcpPorts { get; init; }

    /// <summary>The name for a tunnel that is wanted; null, with the reason, when it cannot be had.</summary>
    /// <param name="judge">Why a name may not be had; null: it may. Asked before a port is opened for it.</param>
    public string? Resolve(TunnelRequest request, Func<string, string?> judge, out string reason)
    {
        reason = "This server serves no encrypted visitors; start it with --https-port, or with a certificate.";
        return request.Type switch
        {
            TunnelTypes.Tcp when TcpPorts is { } ports => ports.Open(request.Port, judge, out reason),
            TunnelTypes.Tls when HttpsPort is null => null,
            _ => PublicNames.Resolve(request.Subdomain, request.Hostname, options.Domain, registry.IsServed, out reason),
        };
    }

    /// <summary>Encrypted where it can be had, with the port where it has to be said.</summary>
    /// <param name="type">One of <see cref="TunnelTypes"/>.</param>
    public string UrlOf(string name, string type)
    {
        if (type == TunnelTypes.Tcp && TcpName.TryParse(name, out int port))
        {
            return string.Create(CultureInfo.InvariantCulture, $"tcp://{options.Domain}:{port}");
        }

        // A passthrough name is HTTPS whatever the others are; a front that ends TLS has no say in it.
        if (options.Front.PublicUrl is { } front && (front.IsHttps || type == TunnelTypes.Http))
        {
            return front.Of(name);
        }

        return HttpsPort is { } https && (type == TunnelTypes.Tls || HasCertificateFor(name))
            ? new PublicUrl("https", https).Of(name)
            : new PublicUrl("http", HttpPort).Of(name);
    }

    /// <summary>Visitors may try HTTPS for this tunnel, and their clients will refuse the certificate they are shown.</summary>
    public bool LacksCertificate(string name, string type) =>
        TerminatesTls && HttpsPort is not null && options.Front.PublicUrl is null && type == TunnelTypes.Http && !HasCertificateFor(name);

    /// <summary>What the agent is told of a tunnel it has.</summary>
    public BoundMessage GrantOf(uint id, string name, string type) => new()
    {
        Id = id,
        TunnelName = name,
        Url = UrlOf(name, type),
        SelfSigned = options.Tls.SelfSigned && type == TunnelTypes.Http && TerminatesTls && (options.Front.PublicUrl is null or { IsHttps: true }) ? true : null,
        HasFront = options.Front.PublicUrl is null ? null : true,
    };

    /// <summary>Every way to a name over the ports that visitors know.</summary>
    public IReadOnlyList<string> UrlsOf(string name)
    {
        if (options.Front.PublicUrl is { } front)
        {
            return [front.Of(name)];
        }

        string plain = new PublicUrl("http", HttpPort).Of(name);
        return HttpsPort is { } https ? [plain, new PublicUrl("https", https).Of(name)] : [plain];
    }
}

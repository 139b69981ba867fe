using Tunnel.Hosting;
using Tunnel.Hosting.Options;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Forwarding;

/// <summary>What stands in front of the server, and how far it is believed.</summary>
public sealed record FrontOptions
{
    /// <summary>How visitors reach the names, where that is not as this server listens; null: as it listens.</summary>
    public Routing.PublicUrl? PublicUrl { get; init; }

    /// <summary>Whose word on the visitor counts.</summary>
    public TrustedProxies TrustedProxies { get; init; } = TrustedProxies.None;

    /// <summary>In which fields it counts.</summary>
    public ProxyFields ProxyFields { get; init; }

    /// <summary>Trusted proxies speak the PROXY protocol: they must begin with a header, and nobody else may.</summary>
    public bool AcceptsProxyProtocol { get; init; }

    internal static IReadOnlyList<OptionDeclaration<FrontOptions>> Declarations { get; } =
    [
        Declare<FrontOptions>.Of(
            "public-url",
            "URL",
            "What visitors type, like https://DOMAIN, when a proxy or a mapping of ports stands in front of this server.",
            static text => PublicUrl.TryParse(text) is { } url ? (url, null) : (null, $"'{Printable.Of(text)}' is not http://DOMAIN[:PORT] or https://DOMAIN[:PORT]."),
            static url => url?.Of(url.Host),
            o => o.PublicUrl,
            (o, v) => o with { PublicUrl = v }) with
        {
            Group = "Behind a proxy or a load balancer",
            DefaultInWords = "as it listens",
            Details = "What agents announce, and where `--https-redirect` leads.",
        },
        Declare<FrontOptions>.Of(
            "trusted-proxy",
            "CIDR,...",
            "Proxies in front of this server whose word on the visitor (see --proxy-header) is believed and continued.",
            static text => TrustedProxies.FindFault(text) is { } fault ? (TrustedProxies.None, fault) : (TrustedProxies.Parse(text), null),
            static _ => null,
            o => o.TrustedProxies,
            (o, v) => o with { TrustedProxies = v }) with
        {
            Group = "Behind a proxy or a load balancer",
            DefaultInWords = "none",
            Details = "See [the word of a proxy](#the-word-of-a-proxy).",
        },
        Declare<FrontOptions>.Choice(
            "proxy-header",
            "The fields in which trusted proxies are believed; the others are dropped.",
            [("x-forwarded", ProxyFields.XForwarded), ("forwarded", ProxyFields.Forwarded)],
            o => o.ProxyFields,
            (o, v) => o with { ProxyFields = v }) with
        {
            Group = "Behind a proxy or a load balancer",
        },
        Declare<FrontOptions>.Switch(
            "accept-proxy-protocol", "Trusted proxies begin every connection with a PROXY protocol header; nobody else may.", o => o.AcceptsProxyProtocol, (o, v) => o with { AcceptsProxyProtocol = v }) with
        {
            Group = "Behind a proxy or a load balancer",
        },
    ];
}

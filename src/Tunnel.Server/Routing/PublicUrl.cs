using System.Globalization;

namespace Tunnel.Server.Routing;

/// <summary>
/// How visitors reach the names of this server where that is not as it listens: behind a proxy that ends TLS, or a mapping of
/// ports. Only scheme and port; the names are the domain's.
/// </summary>
public sealed record PublicUrl(string Scheme, int Port)
{
    private const string Http = "http";
    private const string Https = "https";

    public bool IsHttps => Scheme == Https;

    /// <summary>The port as it stands in a URL: with its colon, or nothing when it goes without saying.</summary>
    public string PortSuffix => Port == UsualPort(Scheme) ? "" : string.Create(CultureInfo.InvariantCulture, $":{Port}");

    /// <summary>What a visitor types for a name.</summary>
    public string Of(string name) => $"{Scheme}://{name}{PortSuffix}";

    /// <summary>The host that was named with it; it must be the server's domain.</summary>
    public string Host { get; init; } = "";

    /// <summary>Reads <c>http[s]://DOMAIN[:PORT]</c>; null when it is none.</summary>
    public static PublicUrl? TryParse(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is Http or Https
        && url.UserInfo.Length == 0 && url.PathAndQuery == "/" && url.Fragment.Length == 0
            ? new PublicUrl(url.Scheme, url.Port) { Host = url.IdnHost }
            : null;

    private static int UsualPort(string scheme) => scheme == Https ? ServerOptions.PreferredHttpsPort : ServerOptions.PreferredHttpPort;
}

using System.Globalization;
using Tunnel.Hosting;

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

    /// <summary>Reads <c>http[s]://DOMAIN[:PORT]</c>.</summary>
    /// <param name="domain">The server's.</param>
    /// <exception cref="ArgumentException">It is none; the message says what is taken.</exception>
    public static PublicUrl Parse(string text, string domain)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? url) || url.Scheme is not (Http or Https)
            || url.UserInfo.Length > 0 || url.PathAndQuery != "/" || url.Fragment.Length > 0)
        {
            throw new ArgumentException($"--public-url: '{Printable.Of(text)}' is not http://DOMAIN[:PORT] or https://DOMAIN[:PORT].");
        }

        if (!url.IdnHost.Equals(domain, StringComparison.OrdinalIgnoreCase))
        {
            throw new ArgumentException($"--public-url: tunnels are names below {domain} (--domain), so it takes {url.Scheme}://{domain}, with a port if need be.");
        }

        return new PublicUrl(url.Scheme, url.Port);
    }

    private static int UsualPort(string scheme) => scheme == Https ? ServerOptions.PreferredHttpsPort : ServerOptions.PreferredHttpPort;
}

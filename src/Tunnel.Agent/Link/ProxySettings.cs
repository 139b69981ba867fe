using System.Net;
using Tunnel.Hosting;

namespace Tunnel.Agent.Link;

/// <summary>What the environment says about proxies: HTTPS_PROXY and NO_PROXY, small letters first, as curl reads them.</summary>
internal static class ProxySettings
{
    private static readonly string[] Names = ["https_proxy", "HTTPS_PROXY"];

    /// <summary>The proxy for this server; null: none.</summary>
    /// <param name="read">The value of an environment variable.</param>
    /// <exception cref="ArgumentException">The variable cannot be read.</exception>
    public static HttpProxy? For(string host, int port, Func<string, string?> read)
    {
        string? name = Names.FirstOrDefault(name => !string.IsNullOrWhiteSpace(read(name)));
        if (name is null || IsExempt(host, port, Text(read("no_proxy")) ?? Text(read("NO_PROXY")) ?? ""))
        {
            return null;
        }

        return HttpProxy.Parse(read(name)!.Trim(), out string fault) ?? throw new ArgumentException($"{name}: {fault}");
    }

    /// <summary>Whether a host is reached without the proxy. Loopback always is.</summary>
    /// <param name="list">Names with all below them, addresses, networks, each with a port if wanted; or <c>*</c>.</param>
    internal static bool IsExempt(string host, int port, string list)
    {
        string name = host.TrimEnd('.').ToLowerInvariant();
        bool isAddress = IPAddress.TryParse(name, out IPAddress? address);
        if (name == "localhost" || name.EndsWith(".localhost", StringComparison.Ordinal) || (isAddress && IPAddress.IsLoopback(address!)))
        {
            return true;
        }

        return list.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Any(entry => Covers(entry.ToLowerInvariant(), name, isAddress ? address : null, port));
    }

    private static bool Covers(string entry, string name, IPAddress? address, int port)
    {
        if (entry == "*")
        {
            return true;
        }

        if (entry.Contains('/', StringComparison.Ordinal))
        {
            return address is not null && IPNetwork.TryParse(entry, out IPNetwork network) && network.Contains(address);
        }

        if (HostAndPort.TryParse(entry.TrimStart('.'), 0, out string covered, out int coveredPort))
        {
            bool isName = address is null
                ? name == covered || name.EndsWith($".{covered}", StringComparison.Ordinal)
                : IPAddress.TryParse(covered, out IPAddress? other) && other.Equals(address);
            return isName && (coveredPort == 0 || coveredPort == port);
        }

        return false;
    }

    private static string? Text(string? value) => string.IsNullOrWhiteSpace(value) ? null : value;
}

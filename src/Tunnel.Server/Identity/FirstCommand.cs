using System.Globalization;

namespace Tunnel.Server.Identity;

/// <summary>The command with which an agent that has just got its token has a tunnel: one that this very token may have.</summary>
internal static class FirstCommand
{
    // What stands for a star; the short ones are for patterns that leave little room.
    private static readonly string[] Fillings = ["demo", "app", "x", "1"];

    /// <param name="tokens">All there are, this one included.</param>
    public static string For(TokenSet tokens, TokenRecord token, DateTimeOffset now)
    {
        bool MayHave(string name) => NameRights.Judge(tokens, token, name, now) is null;

        string? subdomain = token.Subdomains.SelectMany(Filled).FirstOrDefault(
            label => PublicNames.Resolve(label, null, tokens.Domain, static _ => false, out _) is { } name && MayHave(name));
        if (subdomain is not null)
        {
            return $"tunnel-agent --subdomain {subdomain} --port 8080";
        }

        if (token.Hostnames.SelectMany(Filled).FirstOrDefault(name => PublicNames.IsHostName(name) && MayHave(name)) is { } hostname)
        {
            return $"tunnel-agent --hostname {hostname} --port 8080";
        }

        if (token.TcpPorts.Select(range => PortRange.Parse(range).First).FirstOrDefault(port => MayHave(TcpName.Of(port))) is > 0 and int port)
        {
            return string.Create(CultureInfo.InvariantCulture, $"tunnel-agent --protocol tcp --remote-port {port} --port 5432");
        }

        return token.Claims.Select(tokens.LabelOf).FirstOrDefault(label => label is not null) is { } claimed
            ? $"tunnel-agent --subdomain {claimed} --port 8080"
            : "tunnel-agent --port 8080";
    }

    private static IEnumerable<string> Filled(string pattern) =>
        NamePattern.IsWildcard(pattern) ? Fillings.Select(filling => NamePattern.Fill(pattern, filling)) : [pattern];
}

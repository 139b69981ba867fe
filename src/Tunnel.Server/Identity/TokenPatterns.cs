using System.Collections.Frozen;

namespace Tunnel.Server.Identity;

/// <summary>
/// What tokens were made for: the part of a token set that only the server's owner changes. Found by name, as ids of tokens.
/// Immutable, and shared by all sets between two such changes.
/// </summary>
internal sealed class TokenPatterns
{
    private readonly FrozenDictionary<string, string[]> _exact;
    private readonly PatternIndex _starred;
    private readonly PortIndex _ports;

    /// <param name="domain">The server's; patterns of subdomains are below it.</param>
    public TokenPatterns(IReadOnlyList<TokenRecord> tokens, string domain)
    {
        Domain = domain;
        Ids = [.. tokens.Select(token => token.Id)];
        _exact = tokens
            .SelectMany(token => WholeNames(token).Where(name => !NamePattern.IsWildcard(name)).Select(name => (Name: name, token.Id)))
            .GroupBy(pair => pair.Name, pair => pair.Id)
            .ToFrozenDictionary(same => same.Key, same => same.Distinct().ToArray());
        _starred = new PatternIndex(tokens.SelectMany(token => WholeNames(token).Where(NamePattern.IsWildcard).Select(pattern => (pattern, token.Id))));
        _ports = new PortIndex(tokens.SelectMany(token => token.TcpPorts.Select(range => (PortRange.Parse(range), token.Id))));
    }

    public string Domain { get; }

    /// <summary>All tokens, in the order of the store.</summary>
    public IReadOnlyList<string> Ids { get; }

    public bool IsExact(string name) => _exact.ContainsKey(name);

    /// <summary>The tokens made for the name; one may come several times.</summary>
    public IEnumerable<string> Find(string name)
    {
        IEnumerable<string> exact = _exact.GetValueOrDefault(name) ?? [];
        return exact.Concat(TcpName.TryParse(name, out int port) ? _ports.Find(port) : _starred.Find(name));
    }

    private IEnumerable<string> WholeNames(TokenRecord token) => token.Subdomains.Select(label => $"{label}.{Domain}").Concat(token.Hostnames);
}

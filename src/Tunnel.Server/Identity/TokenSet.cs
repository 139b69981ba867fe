using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using Tunnel.Hosting.Secrets;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Identity;

/// <summary>All tokens at one moment, ready to be asked. Immutable.</summary>
internal sealed class TokenSet
{
    private readonly FrozenDictionary<string, TokenRecord> _byId;
    private readonly FrozenDictionary<string, TokenRecord[]> _byExactName;
    private readonly FrozenSet<string> _served;
    private readonly PatternIndex _byPattern;
    private readonly (PortRange Ports, TokenRecord Token)[] _byPort;

    /// <param name="domain">The server's; patterns of subdomains are below it.</param>
    public TokenSet(IReadOnlyList<TokenRecord> tokens, string domain)
    {
        All = tokens;
        Domain = domain;
        _byId = tokens.ToFrozenDictionary(token => token.Id);
        _byExactName = tokens
            .SelectMany(token => ExactNames(token).Select(name => (Name: name, Token: token)))
            .GroupBy(pair => pair.Name, pair => pair.Token)
            .ToFrozenDictionary(group => group.Key, group => group.Distinct().ToArray());
        _served = tokens.SelectMany(token => token.Served).ToFrozenSet(StringComparer.Ordinal);
        _byPattern = new PatternIndex(tokens.SelectMany(token => WildcardNames(token).Select(pattern => (pattern, token))));
        _byPort = [.. tokens.SelectMany(token => token.TcpPorts.Select(range => (PortRange.Parse(range), token)))];
    }

    public IReadOnlyList<TokenRecord> All { get; }

    public string Domain { get; }

    public TokenRecord? Find(string id) => _byId.GetValueOrDefault(id);

    /// <summary>
    /// The token with this credential (<see cref="AgentToken.Credential"/>), live or not; null when there is none. Takes
    /// the same time whether the id is unknown or the secret wrong.
    /// </summary>
    public TokenRecord? Authenticate(string credential)
    {
        const int IdLength = AgentToken.IdSize * 2;
        bool hasForm = credential.Length > IdLength && credential[IdLength] == '.';
        TokenRecord? token = hasForm ? Find(credential[..IdLength]) : null;
        Span<byte> expected = stackalloc byte[SHA256.HashSizeInBytes];
        if (token is not null)
        {
            Convert.FromHexString(token.Hash, expected, out _, out _);
        }

        byte[] given = HashOf(hasForm ? credential.AsSpan(IdLength + 1) : []);
        return CryptographicOperations.FixedTimeEquals(given, expected) ? token : null;
    }

    /// <summary>What is stored of a secret, which is given as its base64url.</summary>
    public static byte[] HashOf(ReadOnlySpan<char> secret)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(secret)];
        Encoding.UTF8.GetBytes(secret, bytes);
        return SHA256.HashData(bytes);
    }

    /// <summary>
    /// Whether a name was served as TLS passthrough when it was served last. Also of a dead token: its names stay what they
    /// were until somebody else has them.
    /// </summary>
    public bool IsPassthrough(string name) => Concerned(name).Any(token => token.Passthrough.Contains(name));

    /// <summary>Every token with something to say about a name.</summary>
    internal IEnumerable<TokenRecord> Concerned(string name)
    {
        IEnumerable<TokenRecord> exact = _byExactName.TryGetValue(name, out TokenRecord[]? tokens) ? tokens : [];
        return TcpName.TryParse(name, out int port)
            ? exact.Union(_byPort.Where(pair => pair.Ports.Contains(port)).Select(pair => pair.Token))
            : exact.Union(_byPattern.Find(name));
    }

    /// <summary>Whether the name is known to be somebody's whose token holds. Asked for every request for a name that nobody serves.</summary>
    internal bool IsKnown(string name, DateTimeOffset now) =>
        (_byExactName.ContainsKey(name) || _served.Contains(name))
        && Concerned(name).Any(token => token.IsLive(now) && NameRights.IsKnown(this, token, name));

    /// <summary>Whether a pattern of the token covers the name, and whether one does so without a star.</summary>
    internal bool MatchesPattern(TokenRecord token, string name, out bool isExact)
    {
        if (TcpName.TryParse(name, out int port))
        {
            PortRange[] covering = [.. token.TcpPorts.Select(PortRange.Parse).Where(range => range.Contains(port))];
            isExact = Array.Exists(covering, range => range.First == range.Last);
            return covering.Length > 0;
        }

        string? label = LabelOf(name);
        isExact = (label is not null && token.Subdomains.Contains(label)) || token.Hostnames.Contains(name);
        return isExact
            || (label is not null && token.Subdomains.Any(pattern => NamePattern.Matches(pattern, label)))
            || token.Hostnames.Any(pattern => NamePattern.Matches(pattern, name));
    }

    /// <summary>The subdomain in a name that is one label below the domain.</summary>
    internal string? LabelOf(string name) =>
        name.Length > Domain.Length + 1 && name.EndsWith(Domain, StringComparison.Ordinal) && name[^(Domain.Length + 1)] == '.'
        && !name.AsSpan(0, name.Length - Domain.Length - 1).Contains('.')
            ? name[..^(Domain.Length + 1)]
            : null;

    private IEnumerable<string> ExactNames(TokenRecord token) =>
        token.Subdomains.Where(pattern => !NamePattern.IsWildcard(pattern)).Select(label => $"{label}.{Domain}")
            .Concat(token.Hostnames.Where(pattern => !NamePattern.IsWildcard(pattern)))
            .Concat(token.Claims);

    // As patterns of whole names.
    private IEnumerable<string> WildcardNames(TokenRecord token) =>
        token.Subdomains.Where(NamePattern.IsWildcard).Select(label => $"{label}.{Domain}")
            .Concat(token.Hostnames.Where(NamePattern.IsWildcard));
}

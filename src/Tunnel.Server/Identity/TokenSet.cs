using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Server.Identity;

/// <summary>
/// All tokens at one moment, ready to be asked. Immutable; a note makes a new set that shares all but what it changes, so it costs
/// the same however many tokens there are.
/// </summary>
internal sealed class TokenSet
{
    private readonly TokenPatterns _patterns;
    private readonly ImmutableDictionary<string, TokenRecord> _byId;
    private readonly NameIndex _claimed;
    private readonly NameIndex _served;
    private readonly NameIndex _passthrough;

    /// <param name="domain">The server's; patterns of subdomains are below it.</param>
    public TokenSet(IReadOnlyList<TokenRecord> tokens, string domain)
        : this(
            new TokenPatterns(tokens, domain),
            tokens.ToImmutableDictionary(token => token.Id, StringComparer.Ordinal),
            IndexOf(tokens, token => token.Claims),
            IndexOf(tokens, token => token.Served),
            IndexOf(tokens, token => token.Passthrough))
    {
    }

    private TokenSet(TokenPatterns patterns, ImmutableDictionary<string, TokenRecord> byId, NameIndex claimed, NameIndex served, NameIndex passthrough)
    {
        _patterns = patterns;
        _byId = byId;
        _claimed = claimed;
        _served = served;
        _passthrough = passthrough;
    }

    /// <summary>In the order of the store.</summary>
    public IEnumerable<TokenRecord> All => _patterns.Ids.Select(id => _byId[id]);

    public int Count => _byId.Count;

    public string Domain => _patterns.Domain;

    public TokenRecord? Find(string id) => _byId.GetValueOrDefault(id);

    /// <summary>The set with this note; this one when it says nothing new.</summary>
    /// <param name="pushedOut">A name that the token is not remembered by any more, because this one came.</param>
    public TokenSet With(in NameNote note, out string? pushedOut)
    {
        pushedOut = null;
        TokenRecord? token = Find(note.TokenId);
        string name = note.Name;
        switch (note.Kind)
        {
            case NameNoteKind.Claimed:
                return token is null || token.Claims.Contains(name)
                    ? this
                    : new TokenSet(_patterns, _byId.SetItem(token.Id, token with { Claims = [.. token.Claims, name] }), _claimed.With(name, token.Id), _served, _passthrough);

            case NameNoteKind.Served when token is not null:
                IReadOnlyList<string> served = Latest(token.Served, name, NameNote.MostServed, out pushedOut);
                NameIndex index = pushedOut is null ? _served : _served.Without(pushedOut, token.Id);
                return new TokenSet(_patterns, _byId.SetItem(token.Id, token with { Served = served }), _claimed, index.With(name, token.Id), _passthrough);

            case NameNoteKind.Passthrough or NameNoteKind.Terminated:
                return WithPassthrough(note.Kind == NameNoteKind.Passthrough ? token : null, name, out pushedOut);

            default:
                return this;
        }
    }

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
    public bool IsPassthrough(string name) =>
        _passthrough.Find(name) is { IsEmpty: false } holders && Concerned(name).Any(token => holders.Contains(token.Id));

    /// <summary>Every token with something to say about a name.</summary>
    internal IEnumerable<TokenRecord> Concerned(string name) =>
        _patterns.Find(name).Concat(_claimed.Find(name)).Distinct().Select(id => _byId[id]);

    /// <summary>Whether the name is known to be somebody's whose token holds. Asked for every request for a name that nobody serves.</summary>
    internal bool IsKnown(string name, DateTimeOffset now) =>
        (_patterns.IsExact(name) || !_claimed.Find(name).IsEmpty || !_served.Find(name).IsEmpty)
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

    // A name is one thing: whoever had it before as something else has it no more as that.
    private TokenSet WithPassthrough(TokenRecord? token, string name, out string? pushedOut)
    {
        pushedOut = null;
        ImmutableDictionary<string, TokenRecord> byId = _byId;
        NameIndex index = _passthrough;
        foreach (string other in index.Find(name).Where(other => other != token?.Id))
        {
            byId = byId.SetItem(other, byId[other] with { Passthrough = [.. byId[other].Passthrough.Where(had => had != name)] });
            index = index.Without(name, other);
        }

        if (token is not null)
        {
            byId = byId.SetItem(token.Id, token with { Passthrough = Latest(token.Passthrough, name, NameNote.MostPassthrough, out pushedOut) });
            index = (pushedOut is null ? index : index.Without(pushedOut, token.Id)).With(name, token.Id);
        }

        return new TokenSet(_patterns, byId, _claimed, _served, index);
    }

    // The names with this one as the latest; beyond the most there may be the oldest goes.
    private static List<string> Latest(IReadOnlyList<string> names, string name, int most, out string? pushedOut)
    {
        List<string> latest = [.. names.Where(other => other != name), name];
        pushedOut = latest.Count > most ? latest[0] : null;
        return pushedOut is null ? latest : latest[^most..];
    }

    private static NameIndex IndexOf(IReadOnlyList<TokenRecord> tokens, Func<TokenRecord, IEnumerable<string>> names) =>
        new(tokens.SelectMany(token => names(token).Select(name => (name, token.Id))));
}

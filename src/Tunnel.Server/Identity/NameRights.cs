namespace Tunnel.Server.Identity;

/// <summary>
/// Whether somebody may use a public name (docs/security.md). Whoever has the strongest hold on it may; a hold is, from
/// strong to weak: an exact pattern of a token, a first claim, a pattern with a star, a token without patterns, nothing
/// (a local agent).
/// </summary>
internal static class NameRights
{
    private enum Hold
    {
        /// <summary>None of a token's patterns covers it.</summary>
        Excluded,

        /// <summary>A local agent takes what nobody owns.</summary>
        None,

        /// <summary>A token without patterns claims what nobody owns.</summary>
        MayClaim,

        /// <summary>What a dead token had stays out of reach of those two: it goes to whoever the server's owner names.</summary>
        Remembered,
        Wildcard,
        Claimed,
        Exact,
    }

    /// <summary>Null: it may; otherwise why not, as a sentence.</summary>
    /// <param name="who">Null: a local agent.</param>
    /// <param name="name">A public name as <see cref="PublicNames.Resolve"/> gives it.</param>
    public static string? Judge(TokenSet tokens, TokenRecord? who, string name, DateTimeOffset now)
    {
        Hold mine = who is null ? Hold.None : HoldOf(tokens, who, name);
        if (mine == Hold.Excluded)
        {
            return $"The token '{who!.Name}' may use {Describe(who)}; {name} is not among these.";
        }

        foreach (TokenRecord other in tokens.Concerned(name))
        {
            if (other.Id == who?.Id)
            {
                continue;
            }

            Hold theirs = HoldOf(tokens, other, name);
            if (!other.IsLive(now))
            {
                theirs = Hold.Remembered;
            }

            if (theirs > mine)
            {
                return theirs == Hold.Remembered
                    ? $"{name} belonged to a token that is revoked or expired. A token made for it gets it; 'tunnel-server token revoke --forget' would free it for anybody."
                    : $"{name} belongs to somebody else's token. Ask for another name.";
            }
        }

        return mine == Hold.Exact ? null : ReservedNames.FindFault(name, tokens.LabelOf(name), tokens.Domain);
    }

    /// <summary>
    /// Whether a name that nobody serves is known to be this token's: because it is named for it, or has served it. That a
    /// star covers it does not make it one that visitors could have heard of.
    /// </summary>
    public static bool IsKnown(TokenSet tokens, TokenRecord token, string name) =>
        HoldOf(tokens, token, name) switch
        {
            Hold.Exact or Hold.Claimed => true,
            Hold.Wildcard => token.Served.Contains(name),
            _ => false,
        };

    /// <summary>Whether using the name is to be remembered, because nothing else says that it is the token's.</summary>
    public static bool IsServing(TokenSet tokens, TokenRecord who, string name) =>
        !TcpName.TryParse(name, out _) && HoldOf(tokens, who, name) == Hold.Wildcard;

    /// <summary>Whether using the name makes it the token's own.</summary>
    public static bool IsClaim(TokenSet tokens, TokenRecord who, string name) =>
        !who.HasPatterns && !who.Claims.Contains(name) && !IsChosen(tokens, name);

    /// <summary>A name for an agent that asked for none: one its token allows, and that nobody has.</summary>
    /// <returns>Null: the server may choose freely.</returns>
    public static string? Choose(TokenRecord? who, Func<string, bool> isTaken)
    {
        if (who is not { HasPatterns: true })
        {
            return null;
        }

        string? free = who.Subdomains.FirstOrDefault(pattern => !NamePattern.IsWildcard(pattern) && !isTaken(pattern));
        return free
            ?? (who.Subdomains.FirstOrDefault(NamePattern.IsWildcard) is { } pattern
                ? NamePattern.Fill(pattern, PublicNames.Choose(PublicNames.MostLabelBytes + 1 - pattern.Length, label => isTaken(NamePattern.Fill(pattern, label))))
                : who.Subdomains.Count > 0 ? who.Subdomains[0] : null);
    }

    /// <summary>A port for an agent that asked for none: one its token allows, free if there is one. Null: the server may choose freely.</summary>
    public static int? ChoosePort(TokenRecord? who, Func<int, bool> isTaken)
    {
        if (who is not { TcpPorts.Count: > 0 })
        {
            return null;
        }

        List<PortRange> ranges = [.. who.TcpPorts.Select(PortRange.Parse)];
        foreach (PortRange range in ranges)
        {
            for (int port = range.First; port <= range.Last; port++)
            {
                if (!isTaken(port))
                {
                    return port;
                }
            }
        }

        return ranges[0].First;
    }

    /// <summary>What a token may use, for messages and lists.</summary>
    public static string Describe(TokenRecord token)
    {
        IEnumerable<string> parts = token.HasPatterns
            ? token.Subdomains.Concat(token.Hostnames).Concat(token.TcpPorts.Select(range => $"TCP {range}"))
            : token.Claims.Append("what it asks for first");
        return string.Join(", ", parts);
    }

    // A name of the server's own choosing belongs to nobody, or every start of an agent would add one.
    private static bool IsChosen(TokenSet tokens, string name) => tokens.LabelOf(name) is { } label && PublicNames.IsChosen(label);

    private static Hold HoldOf(TokenSet tokens, TokenRecord token, string name)
    {
        bool isCovered = tokens.MatchesPattern(token, name, out bool isExact);
        return isExact ? Hold.Exact
            : token.Claims.Contains(name) ? Hold.Claimed
            : isCovered ? Hold.Wildcard
            : token.HasPatterns ? Hold.Excluded
            : Hold.MayClaim;
    }
}

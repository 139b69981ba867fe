namespace Tunnel.Server.Identity;

/// <summary>What a running server adds to its tokens: something that came to be true of a name when a token served it.</summary>
/// <param name="TokenId">Whose name it is.</param>
internal readonly record struct NameNote(string TokenId, string Name, NameNoteKind Kind)
{
    /// <summary>The oldest ones go: names from a pattern with a star can be without number.</summary>
    public const int MostPassthrough = 256;

    /// <summary>Names under its stars that a token is remembered by; the oldest ones go.</summary>
    public const int MostServed = 256;

    /// <summary>The records with these notes, which are in the order of their coming.</summary>
    public static IReadOnlyList<TokenRecord> Apply(IReadOnlyList<TokenRecord> tokens, IReadOnlyCollection<NameNote> notes) =>
        notes.Count == 0 ? tokens : [.. tokens.Select(token => notes.Aggregate(token, static (record, note) => note.Apply(record)))];

    // A name is one thing: whoever had it before as something else has it no more as that.
    private TokenRecord Apply(TokenRecord token)
    {
        if (Kind == NameNoteKind.Claimed)
        {
            return token.Id == TokenId && !token.Claims.Contains(Name) ? token with { Claims = [.. token.Claims, Name] } : token;
        }

        string name = Name;
        if (Kind == NameNoteKind.Served)
        {
            return token.Id == TokenId
                ? token with { Served = [.. token.Served.Where(other => other != name).Append(name).TakeLast(MostServed)] }
                : token;
        }

        bool isToHaveIt = token.Id == TokenId && Kind == NameNoteKind.Passthrough;
        return isToHaveIt || token.Passthrough.Contains(name)
            ? token with
            {
                Passthrough = [.. token.Passthrough.Where(other => other != name).Concat(isToHaveIt ? [name] : []).TakeLast(MostPassthrough)],
            }
            : token;
    }
}

internal enum NameNoteKind
{
    /// <summary>It is the token's own, because the token asked first.</summary>
    Claimed,

    /// <summary>A star of the token covers it, and the token has served it.</summary>
    Served,

    /// <summary>It is served as TLS passthrough.</summary>
    Passthrough,

    /// <summary>It is served as HTTP: the server terminates TLS for it.</summary>
    Terminated,
}

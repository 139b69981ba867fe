namespace Tunnel.Server.Identity;

/// <summary>What a running server adds to its tokens: something that came to be true of a name when a token served it.</summary>
/// <param name="TokenId">Whose name it is.</param>
internal readonly record struct NameNote(string TokenId, string Name, NameNoteKind Kind)
{
    /// <summary>The oldest ones go: names from a pattern with a star can be without number.</summary>
    public const int MostPassthrough = 256;

    /// <summary>Names under its stars that a token is remembered by; the oldest ones go.</summary>
    public const int MostServed = 256;

    /// <summary>It gives or takes a right, so its agent is told of it only when it is on the disk.</summary>
    public bool IsRight => Kind != NameNoteKind.Served;
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

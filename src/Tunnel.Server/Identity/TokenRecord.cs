namespace Tunnel.Server.Identity;

/// <summary>What the server keeps of a token: everything but the secret.</summary>
/// <remarks>Lists turn null into empty: to the JSON reader a member that is missing is null, whatever its initializer says.</remarks>
internal sealed record TokenRecord
{
    /// <summary>16 hex digits.</summary>
    public required string Id { get; init; }

    /// <summary>What the owner of the server calls it. One record at a time has a name.</summary>
    public required string Name { get; init; }

    /// <summary>SHA-256 of the secret, 64 hex digits. Enough for a secret of 256 random bits (docs/decisions).</summary>
    public required string Hash { get; init; }

    public required DateTimeOffset Created { get; init; }

    /// <summary>Null: never.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>Null: it holds.</summary>
    public DateTimeOffset? Revoked { get; init; }

    /// <summary>Patterns of labels below the server's domain.</summary>
    public IReadOnlyList<string> Subdomains { get; init => field = value ?? []; } = [];

    /// <summary>Patterns of whole names.</summary>
    public IReadOnlyList<string> Hostnames { get; init => field = value ?? []; } = [];

    /// <summary>Ranges of TCP ports, as text.</summary>
    public IReadOnlyList<string> TcpPorts { get; init => field = value ?? []; } = [];

    /// <summary>Whole names it has because it was the first to ask. Only a token without patterns gets any.</summary>
    public IReadOnlyList<string> Claims { get; init => field = value ?? []; } = [];

    /// <summary>
    /// Whole names it was served by under a pattern with a star, the latest last. They are known to be somebody's when
    /// nobody serves them, and give no right.
    /// </summary>
    public IReadOnlyList<string> Served { get; init => field = value ?? []; } = [];

    /// <summary>
    /// Whole names it has served as TLS passthrough, and not otherwise since: TLS for these is not the server's to open, also
    /// while its agent is away.
    /// </summary>
    public IReadOnlyList<string> Passthrough { get; init => field = value ?? []; } = [];

    /// <summary>It may use what its patterns allow, and nothing else.</summary>
    public bool HasPatterns => Subdomains.Count + Hostnames.Count + TcpPorts.Count > 0;

    public bool IsLive(DateTimeOffset now) => Revoked is null && !(Expires <= now);

    /// <summary>The record without its hash; for messages.</summary>
    public override string ToString() => $"token '{Name}' ({Id})";
}

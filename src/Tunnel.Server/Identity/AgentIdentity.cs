namespace Tunnel.Server.Identity;

/// <summary>
/// Who an agent is: a token, or "local" for every agent that needs none. This is what takeover compares; two values with
/// the same key are the same identity (docs/protocol.md, section 7, "Names").
/// </summary>
/// <param name="Key">The token's id, or <c>local</c>.</param>
/// <param name="Name">What the owner of the server called it; for messages and logs.</param>
internal sealed record AgentIdentity(string Key, string Name)
{
    private const string LocalKey = "local";

    /// <summary>Every agent on the server's own machine, while these need no token.</summary>
    public static AgentIdentity Local { get; } = new(LocalKey, LocalKey);

    public bool IsLocal => Key == LocalKey;

    public bool Equals(AgentIdentity? other) => other is not null && Key == other.Key;

    public override int GetHashCode() => Key.GetHashCode(StringComparison.Ordinal);

    /// <summary>What the owner of the server called its token; null: it has none.</summary>
    public string? TokenName => IsLocal ? null : Name;

    /// <summary>Who and where, for the log.</summary>
    public string At(string address) => IsLocal ? $"{address} (local)" : $"{address} (token {Name})";

    public override string ToString() => IsLocal ? "a local agent" : $"the agent of token '{Name}'";
}

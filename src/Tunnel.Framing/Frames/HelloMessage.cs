namespace Tunnel.Framing.Frames;

/// <summary>The agent's first frame (docs/protocol.md, section 3).</summary>
public sealed record HelloMessage : IJsonMessage
{
    public static string Name => "HELLO";

    public required int Version { get; init; }

    public int? MinVersion { get; init; }

    public string? Software { get; init; }

    /// <summary>32 hex digits, one per running agent; the same again when that agent is started again.</summary>
    public required string Instance { get; init; }

    /// <summary>32 hex digits, new at every start; null from an agent that does not say.</summary>
    public string? Run { get; init; }

    /// <summary>Which of the sessions that one agent keeps side by side; null: the first.</summary>
    public int? Slot { get; init; }

    public string? Token { get; init; }

    /// <summary>What the agent can do beyond this version; null: nothing.</summary>
    public IReadOnlyList<string>? Features { get; init; }

    /// <summary>Streams the agent has room for at one time; null: <see cref="ProtocolLimits.Streams"/>.</summary>
    public int? Streams { get; init; }

    /// <summary>Bytes of a request that may come before the first CREDIT; null: <see cref="ProtocolLimits.LeastWindow"/>.</summary>
    public int? UploadWindow { get; init; }

    public ResumeRequest? Resume { get; init; }

    /// <summary>The session that the new one comes after.</summary>
    public ReplaceRequest? Replaces { get; init; }

    /// <summary>Without the token and without proofs: a record would print them.</summary>
    public override string ToString() => $"HELLO of instance {Instance}";

    public string? FindFault() =>
        Version < 1 || MinVersion is < 1 || MinVersion > Version ? "has a version range that is none"
        : !Hex.IsHex(Instance, 32) ? "needs 32 hex digits as instance"
        : Run is not null && !Hex.IsHex(Run, 32) ? "has a run that is not 32 hex digits"
        : Slot is < 0 or >= ProtocolLimits.Links ? $"has a slot outside 0 to {ProtocolLimits.Links - 1}"
        : Software is { Length: > 64 } || Token is { Length: > 1024 } ? "has a software or token member that is too long"
        : SessionTerms.FindFault(Features, Streams, UploadWindow) ?? Resume?.FindFault() ?? Replaces?.FindFault();
}

/// <summary>Takes up a detached session (docs/protocol.md, sections 3 and 7).</summary>
public sealed record ResumeRequest
{
    public required string Session { get; init; }

    public required long Attach { get; init; }

    public required long Count { get; init; }

    public required string Proof { get; init; }

    internal string? FindFault() =>
        Hex.IsHex(Session, 32) && Hex.IsHex(Proof, 64) && Attach > 0 && Count >= 0
            ? null
            : "has a resume member that cannot be read";
}

/// <summary>Names the session that a new one comes after (docs/protocol.md, sections 3 and 7).</summary>
public sealed record ReplaceRequest
{
    public required string Session { get; init; }

    public required string Proof { get; init; }

    internal string? FindFault() =>
        Hex.IsHex(Session, 32) && Hex.IsHex(Proof, 64) ? null : "has a replaces member that cannot be read";
}

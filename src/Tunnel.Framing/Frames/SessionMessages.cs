namespace Tunnel.Framing.Frames;

/// <summary>The server's yes to a HELLO (docs/protocol.md, section 3).</summary>
public sealed record WelcomeMessage : IJsonMessage
{
    public static string Name => "WELCOME";

    public required int Version { get; init; }

    public string? Software { get; init; }

    public required string Session { get; init; }

    public string? Secret { get; init; }

    /// <summary>Milliseconds a lost link is waited for; 0: a lost link ends the session.</summary>
    public long ResumeWindow { get; init; }

    public long? Count { get; init; }

    /// <summary>The server's clock, in whole seconds since 1970 (UTC); null: it does not say.</summary>
    public long? Time { get; init; }

    /// <summary>What the owner of the server called the agent's token; null: it needed none.</summary>
    public string? Token { get; init; }

    /// <summary>What the server can do beyond this version; null: nothing.</summary>
    public IReadOnlyList<string>? Features { get; init; }

    /// <summary>Streams the server opens at one time; null: <see cref="ProtocolLimits.Streams"/>.</summary>
    public int? Streams { get; init; }

    /// <summary>Bytes of a request that the server sends before the first CREDIT; null: <see cref="ProtocolLimits.LeastWindow"/>.</summary>
    public int? UploadWindow { get; init; }

    /// <summary>Without the secret: a record would print it.</summary>
    public override string ToString() => $"WELCOME of session {Session}";

    public string? FindFault() =>
        Version < 1
        || Software is { Length: > 64 }
        || !Hex.IsHex(Session, 32)
        || (Secret is not null && !Hex.IsHex(Secret, 64))
        || ResumeWindow is < 0 or > int.MaxValue
        || Count < 0
        || Time < 0
        || Token is { Length: > 64 }
            ? "has a member out of its range"
            : SessionTerms.FindFault(Features, Streams, UploadWindow);
}

/// <summary>The server's no to a HELLO (docs/protocol.md, section 3).</summary>
public sealed record RejectMessage : IJsonMessage
{
    public static string Name => "REJECT";

    /// <summary>One of <see cref="RejectCodes"/>, or a later version's.</summary>
    public required string Code { get; init; }

    public required string Message { get; init; }

    public bool Retry { get; init; }

    /// <summary>Milliseconds.</summary>
    public long? RetryAfter { get; init; }

    /// <summary>As in <see cref="WelcomeMessage.Time"/>.</summary>
    public long? Time { get; init; }

    public string? FindFault() =>
        RetryAfter is < 0 or > int.MaxValue || Time < 0 ? "has a member out of its range" : RefusalText.FindFault(Code, Message);
}

/// <summary>The codes of REJECT, BOUND and UNBOUND (docs/protocol.md, sections 3 and 6).</summary>
public static class RejectCodes
{
    public const string VersionMismatch = "version-mismatch";
    public const string HelloInvalid = "hello-invalid";
    public const string TokenRequired = "token-required";
    public const string TokenUnknown = "token-unknown";
    public const string TokenExpired = "token-expired";
    public const string TokenRevoked = "token-revoked";
    public const string TlsRequired = "tls-required";
    public const string NameRefused = "name-refused";
    public const string NameConflict = "name-conflict";
    public const string ResumeRefused = "resume-refused";
    public const string TooManySessions = "too-many-sessions";
    public const string Draining = "draining";
}

/// <summary>Announces that the sender opens no more streams and will leave (docs/protocol.md, section 6).</summary>
public sealed record GoAwayMessage : IJsonMessage
{
    public static string Name => "GOAWAY";

    /// <summary><c>shutdown</c>, <c>ids-exhausted</c>, <c>unbound</c>, or a later version's.</summary>
    public required string Reason { get; init; }

    public bool Reconnect { get; init; }

    /// <summary>Milliseconds before dialling again.</summary>
    public long Delay { get; init; }

    /// <summary>Milliseconds that running streams have.</summary>
    public long Grace { get; init; }

    public string? FindFault() =>
        Reason.Length > 64 || Delay is < 0 or > int.MaxValue || Grace is < 0 or > int.MaxValue
            ? "has a member out of its range"
            : null;
}

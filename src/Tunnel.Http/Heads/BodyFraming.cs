namespace Tunnel.Http.Heads;

/// <summary>The ways a body is delimited (RFC 9112 section 6).</summary>
public enum BodyKind
{
    /// <summary>There is no body.</summary>
    None,

    /// <summary>So many bytes.</summary>
    Length,

    /// <summary>Chunks, then trailer fields.</summary>
    Chunked,

    /// <summary>Everything until the connection (or stream) ends; responses only.</summary>
    UntilClose,
}

/// <summary>How the body of one message is delimited. Decided by <see cref="FramingRules"/> and nowhere else.</summary>
public readonly record struct BodyFraming
{
    private BodyFraming(BodyKind kind, long? length)
    {
        Kind = kind;
        Length = length;
    }

    /// <summary>No body and no word about its length.</summary>
    public static BodyFraming None => default;

    public static BodyFraming Chunked => new(BodyKind.Chunked, null);

    public static BodyFraming UntilClose => new(BodyKind.UntilClose, null);

    public BodyKind Kind { get; }

    /// <summary>
    /// The Content-Length, in bytes: of the body with <see cref="BodyKind.Length"/>; with <see cref="BodyKind.None"/> what a
    /// response to HEAD or a 304 announces of a body it does not have; otherwise null.
    /// </summary>
    public long? Length { get; }

    /// <summary>Whether bytes of a body follow the head, or may.</summary>
    public bool HasContent => Kind is BodyKind.Chunked or BodyKind.UntilClose || (Kind == BodyKind.Length && Length > 0);

    public static BodyFraming OfLength(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return new BodyFraming(BodyKind.Length, length);
    }

    /// <summary>No body, but the length it would have had (RFC 9110 section 8.6).</summary>
    public static BodyFraming Announced(long? length) => new(BodyKind.None, length);
}

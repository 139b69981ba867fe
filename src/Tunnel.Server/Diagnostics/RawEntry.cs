namespace Tunnel.Server.Diagnostics;

/// <summary>One line of the access log: a raw connection (TCP tunnel, TLS passthrough) and how it ended.</summary>
internal readonly record struct RawEntry
{
    /// <summary>When the visitor came: for passthrough, when its ClientHello had been read.</summary>
    public required DateTimeOffset Time { get; init; }

    public required string Visitor { get; init; }

    /// <summary>What the visitor came for: <c>tcp</c> or <c>tls</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>The tunnel's name: the one in the ClientHello, or <c>tcp:PORT</c>.</summary>
    public required string Name { get; init; }

    /// <summary>From the visitor, as far as they were sent on.</summary>
    public required long BytesIn { get; init; }

    /// <summary>From the origin to the visitor.</summary>
    public required long BytesOut { get; init; }

    /// <summary>Until it had its session: routing, and waiting for an agent.</summary>
    public required TimeSpan Routing { get; init; }

    public required TimeSpan Total { get; init; }

    /// <summary>Of the agent that had it; null: none did, or one without a token.</summary>
    public required string? Token { get; init; }

    /// <summary>One of <see cref="RawEnds"/>.</summary>
    public required string End { get; init; }
}

namespace Tunnel.Server.Diagnostics;

/// <summary>One line of the access log: a request and what became of it. Spans are the connection's, valid during the call.</summary>
internal readonly ref struct AccessEntry
{
    /// <summary>When its head was read.</summary>
    public required DateTimeOffset Time { get; init; }

    public required string Visitor { get; init; }

    /// <summary>The public name asked for; empty when the head named none.</summary>
    public required ReadOnlySpan<byte> Host { get; init; }

    public required ReadOnlySpan<byte> Method { get; init; }

    public required ReadOnlySpan<byte> Target { get; init; }

    /// <summary>0: the visitor left, or was cut, before there was one.</summary>
    public required int Status { get; init; }

    /// <summary>Content bytes from the visitor.</summary>
    public required long BytesIn { get; init; }

    /// <summary>Content bytes to the visitor.</summary>
    public required long BytesOut { get; init; }

    /// <summary>From the request's head to its session: routing, and waiting for an agent.</summary>
    public required TimeSpan Routing { get; init; }

    /// <summary>From there to the head of the answer.</summary>
    public required TimeSpan Answering { get; init; }

    /// <summary>From the request's head to the end.</summary>
    public required TimeSpan Total { get; init; }

    /// <summary>The code of docs/operating.md, "What a visitor sees when there is no answer"; null when the origin answered and the answer is whole.</summary>
    public required string? Error { get; init; }

    /// <summary>Of the agent that had it; null: none did, or one without a token.</summary>
    public required string? Token { get; init; }

    public required ReadOnlySpan<byte> RequestId { get; init; }
}

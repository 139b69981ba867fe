using System.Text.Json.Serialization;
namespace Tunnel.Framing.Frames;

/// <summary>The answer to BIND: granted (name and url) or refused (code and message).</summary>
public sealed record BoundMessage : IJsonMessage
{
    public static string Name => "BOUND";

    public required uint Id { get; init; }

    /// <summary>The public name.</summary>
    [JsonPropertyName("name")]
    public string? TunnelName { get; init; }

    /// <summary>What a visitor on the outside types.</summary>
    public string? Url { get; init; }

    /// <summary>Visitors meet a certificate that the server made itself, which nobody trusts unasked; null: no.</summary>
    public bool? SelfSigned { get; init; }

    /// <summary>Visitors come through something in front of the server, so the name need not lead to the server; null: no.</summary>
    public bool? HasFront { get; init; }

    /// <summary>One of <see cref="RejectCodes"/>, or a later version's; null: granted.</summary>
    public string? Code { get; init; }

    public string? Message { get; init; }

    /// <summary>Refused, and whoever holds the name has the same identity; null: it does not say.</summary>
    public bool? Yours { get; init; }

    /// <summary>Whether the same BIND may succeed later; null: no.</summary>
    public bool? Retry { get; init; }

    /// <summary>What was granted; null: it is a refusal.</summary>
    public TunnelGrant? ToGrant() => Code is not null ? null : new TunnelGrant(Id, TunnelName!, Url!)
    {
        SelfSigned = SelfSigned ?? false,
        HasFront = HasFront ?? false,
    };

    public string? FindFault() =>
        Id == 0 ? "has id 0"
        : Code is null ? (TunnelName is null || Url is null ? "has neither name and url nor a code" : null)
        : TunnelName is not null || Url is not null ? "grants a name and refuses it"
        : RefusalText.FindFault(Code, Message);
}

/// <summary>A tunnel the server granted.</summary>
/// <param name="Id">The agent's number for it.</param>
/// <param name="Name">The public name.</param>
/// <param name="Url">What a visitor on the outside types.</param>
public sealed record TunnelGrant(uint Id, string Name, string Url)
{
    /// <summary>Visitors meet a certificate that the server made itself, which nobody trusts unasked.</summary>
    public bool SelfSigned { get; init; }

    /// <summary>Visitors come through something in front of the server, so the name need not lead to the server.</summary>
    public bool HasFront { get; init; }
}

/// <summary>Drops a tunnel of a live session.</summary>
public sealed record UnbindMessage : IJsonMessage
{
    public static string Name => "UNBIND";

    public required uint Id { get; init; }

    public string? FindFault() => Id == 0 ? "has id 0" : null;
}

/// <summary>The server takes a tunnel away; the session goes on.</summary>
public sealed record UnboundMessage : IJsonMessage
{
    public static string Name => "UNBOUND";

    public required uint Id { get; init; }

    /// <summary>One of <see cref="RejectCodes"/>, or a later version's.</summary>
    public required string Code { get; init; }

    public required string Message { get; init; }

    public string? FindFault() => Id == 0 ? "has id 0" : RefusalText.FindFault(Code, Message);
}

/// <summary>The bounds of what is said for a refusal.</summary>
internal static class RefusalText
{
    private const int MostCode = 64;

    public static string? FindFault(string code, string? message) =>
        code.Length > MostCode || message is not { Length: <= ProtocolLimits.Sentence } ? "has a code or message that is missing or too long" : null;
}

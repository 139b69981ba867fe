using System.Text.Json.Serialization.Metadata;

namespace Tunnel.Framing.Frames;

/// <summary>The agent's first frame (docs/protocol.md, section 3).</summary>
public sealed record HelloMessage : IJsonMessage<HelloMessage>
{
    public static string Name => "HELLO";

    public static JsonTypeInfo<HelloMessage> TypeInfo => MessageJson.Default.HelloMessage;

    public required int Version { get; init; }

    public int? MinVersion { get; init; }

    public string? Software { get; init; }

    /// <summary>32 hex digits, one per running agent.</summary>
    public required string Instance { get; init; }

    public string? Token { get; init; }

    public IReadOnlyList<TunnelRequest>? Tunnels { get; init; }

    public ResumeRequest? Resume { get; init; }

    public string? FindFault()
    {
        if (Version < 1 || MinVersion is < 1 || MinVersion > Version)
        {
            return "has a version range that is none";
        }

        if (!Hex.IsHex(Instance, 32))
        {
            return "needs 32 hex digits as instance";
        }

        if (Software is { Length: > 64 } || Token is { Length: > 1024 })
        {
            return "has a software or token member that is too long";
        }

        if (Tunnels is null ? Resume is null : Tunnels.Count is < 1 or > ProtocolLimits.Tunnels)
        {
            return $"needs 1 to {ProtocolLimits.Tunnels} tunnels";
        }

        // The list's own null check stops at the list: its entries are ours to check.
        if (Tunnels?.Select(tunnel => tunnel is null ? "is null" : tunnel.FindFault()).FirstOrDefault(fault => fault is not null) is { } bad)
        {
            return $"asks for a tunnel that {bad}";
        }

        if (Tunnels is not null && Tunnels.Select(tunnel => tunnel.Id).Distinct().Count() != Tunnels.Count)
        {
            return "uses a tunnel id twice";
        }

        return Resume?.FindFault();
    }
}

/// <summary>A tunnel the agent wants, in HELLO or BIND (docs/protocol.md, section 3).</summary>
public sealed record TunnelRequest : IJsonMessage<TunnelRequest>
{
    public static string Name => "BIND";

    public static JsonTypeInfo<TunnelRequest> TypeInfo => MessageJson.Default.TunnelRequest;

    /// <summary>The agent's number for the tunnel; OPEN names it.</summary>
    public required uint Id { get; init; }

    public required string Type { get; init; }

    /// <summary>The label wanted below the server's domain.</summary>
    public string? Subdomain { get; init; }

    /// <summary>A whole name of the agent's own.</summary>
    public string? Hostname { get; init; }

    /// <summary>What the origin gets as Host; null: what the visitor sent.</summary>
    public string? HostHeader { get; init; }

    /// <summary>Whether Via is added on the way to the origin; null: yes.</summary>
    public bool? Via { get; init; }

    public string? FindFault()
    {
        if (Id == 0)
        {
            return "has id 0";
        }

        if (Type != "http")
        {
            return "is of an unknown type; this server knows http";
        }

        if (Subdomain is not null && Hostname is not null)
        {
            return "names a subdomain and a hostname; only one can be had";
        }

        if (Subdomain is { Length: > 63 } || Hostname is { Length: > 253 })
        {
            return "has a name that is too long";
        }

        return HostHeader is null || (HostHeader.Length is > 0 and <= 255 && HostHeader.All(c => c is > ' ' and < (char)0x7F))
            ? null
            : "has a hostHeader that cannot be sent";
    }
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

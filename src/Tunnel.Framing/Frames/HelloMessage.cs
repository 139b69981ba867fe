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

    /// <summary>32 hex digits, one per running agent; the same again when that agent is started again.</summary>
    public required string Instance { get; init; }

    /// <summary>32 hex digits, new at every start; null from an agent that does not say.</summary>
    public string? Run { get; init; }

    /// <summary>Which of the sessions that one agent keeps side by side; null: the first.</summary>
    public int? Slot { get; init; }

    public string? Token { get; init; }

    public IReadOnlyList<TunnelRequest>? Tunnels { get; init; }

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

        if (Run is not null && !Hex.IsHex(Run, 32))
        {
            return "has a run that is not 32 hex digits";
        }

        if (Slot is < 0 or >= ProtocolLimits.Links)
        {
            return $"has a slot outside 0 to {ProtocolLimits.Links - 1}";
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

        return SessionTerms.FindFault(Features, Streams, UploadWindow) ?? Resume?.FindFault() ?? Replaces?.FindFault();
    }
}

/// <summary>A tunnel the agent wants, in HELLO or BIND (docs/protocol.md, section 3).</summary>
public sealed record TunnelRequest : IJsonMessage<TunnelRequest>
{
    public static string Name => "BIND";

    public static JsonTypeInfo<TunnelRequest> TypeInfo => MessageJson.Default.TunnelRequest;

    /// <summary>The agent's number for the tunnel; OPEN names it.</summary>
    public required uint Id { get; init; }

    /// <summary>One of <see cref="TunnelTypes"/>.</summary>
    public required string Type { get; init; }

    /// <summary>The label wanted below the server's domain.</summary>
    public string? Subdomain { get; init; }

    /// <summary>A whole name of the agent's own.</summary>
    public string? Hostname { get; init; }

    /// <summary>The public port wanted by a tunnel of type tcp; null: the server chooses.</summary>
    public int? Port { get; init; }

    /// <summary>The name or port asked for is one that the server chose for this agent before, and nobody's wish; null: no.</summary>
    public bool? Kept { get; init; }

    /// <summary>What the origin gets as Host; null: what the visitor sent.</summary>
    public string? HostHeader { get; init; }

    /// <summary>Scheme and authority under which the agent reaches the origin (<c>http://localhost:8080</c>); null: it does not say.</summary>
    public string? LocalOrigin { get; init; }

    /// <summary>Whether Via is added on the way to the origin; null: yes.</summary>
    public bool? Via { get; init; }

    /// <summary>Whether other agents that ask for it as well may serve the name beside this one; null: no.</summary>
    public bool? Pool { get; init; }

    /// <summary>Whom the edge lets through; null: everybody.</summary>
    public TunnelGuard? Guard { get; init; }

    public string? FindFault()
    {
        if (Id == 0)
        {
            return "has id 0";
        }

        if (Type is not (TunnelTypes.Http or TunnelTypes.Tls or TunnelTypes.Tcp))
        {
            return "is of an unknown type; this server knows http, tls and tcp";
        }

        if (Type == TunnelTypes.Tcp ? Subdomain is not null || Hostname is not null : Port is not null)
        {
            return "names a port and is not of type tcp, or is and names something else";
        }

        if (Port is < 1 or > 65_535)
        {
            return "names a port that is none";
        }

        if (Subdomain is not null && Hostname is not null)
        {
            return "names a subdomain and a hostname; only one can be had";
        }

        if (Subdomain is { Length: > 63 } || Hostname is { Length: > 253 })
        {
            return "has a name that is too long";
        }

        if (Type != TunnelTypes.Http && Guard is { Users.Count: > 0 })
        {
            return "asks visitors for passwords, which only http can do";
        }

        if (Guard?.FindFault() is { } fault)
        {
            return fault;
        }

        if (LocalOrigin is not null && !IsLocalOrigin(LocalOrigin))
        {
            return "has a localOrigin that is none, like http://localhost:8080";
        }

        return HostHeader is null || (HostHeader.Length is > 0 and <= 255 && IsVisible(HostHeader))
            ? null
            : "has a hostHeader that cannot be sent";
    }

    /// <summary>Whether a text can stand in <see cref="LocalOrigin"/>.</summary>
    public static bool IsLocalOrigin(string text) =>
        text.Length <= 270
        && (text.StartsWith("http://", StringComparison.Ordinal) || text.StartsWith("https://", StringComparison.Ordinal))
        && IsVisible(text);

    private static bool IsVisible(string text) => text.All(c => c is > ' ' and < (char)0x7F);
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

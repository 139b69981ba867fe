namespace Tunnel.Framing.Frames;

/// <summary>A tunnel the agent wants (docs/protocol.md, section 6, BIND).</summary>
public sealed record TunnelRequest : IJsonMessage
{
    public static string Name => "BIND";

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

    /// <summary>Whoever has the name keeps it, whatever state it is in; null: as a claim is judged otherwise.</summary>
    public bool? IfFree { get; init; }

    /// <summary>What the origin gets as Host; null: what the visitor sent.</summary>
    public string? HostHeader { get; init; }

    /// <summary>Scheme and authority under which the agent reaches the origin (<c>http://localhost:8080</c>); null: it does not say.</summary>
    public string? LocalOrigin { get; init; }

    /// <summary>Whether Via is added on the way to the origin; null: yes.</summary>
    public bool? Via { get; init; }

    /// <summary>Whether other agents that ask for it as well may serve the name beside this one; null: no.</summary>
    public bool? Pool { get; init; }

    /// <summary>Whether a browser that opens a page while the agent is away sees that it waits; null: no.</summary>
    public bool? WaitingPage { get; init; }

    /// <summary>Fields that the server sets or leaves out; null: none.</summary>
    public HeaderChanges? Headers { get; init; }

    /// <summary>Whom the edge lets through; null: everybody.</summary>
    public TunnelGuard? Guard { get; init; }

    public string? FindFault()
    {
        bool namesWhatItsTypeHasNot = Type == TunnelTypes.Tcp ? Subdomain is not null || Hostname is not null : Port is not null;
        return Id == 0 ? "has id 0"
            : Type is not (TunnelTypes.Http or TunnelTypes.Tls or TunnelTypes.Tcp) ? "is of an unknown type; this server knows http, tls and tcp"
            : namesWhatItsTypeHasNot ? "names a port and is not of type tcp, or is and names something else"
            : Port is < 1 or > 65_535 ? "names a port that is none"
            : Subdomain is not null && Hostname is not null ? "names a subdomain and a hostname; only one can be had"
            : Subdomain is { Length: > 63 } || Hostname is { Length: > 253 } ? "has a name that is too long"
            : Type != TunnelTypes.Http && Guard is { Users.Count: > 0 } ? "asks visitors for passwords, which only http can do"
            : Type != TunnelTypes.Http && WaitingPage == true ? "asks for a waiting page, which only http can have"
            : Type != TunnelTypes.Http && Headers is not null ? "changes headers, which only http has"
            : (Guard?.FindFault() ?? Headers?.FindFault()) is { } fault ? fault
            : LocalOrigin is not null && !IsLocalOrigin(LocalOrigin) ? "has a localOrigin that is none, like http://localhost:8080"
            : HostHeader is { } host && (host.Length is 0 or > 255 || !IsVisible(host)) ? "has a hostHeader that cannot be sent"
            : null;
    }

    /// <summary>Whether a text can stand in <see cref="LocalOrigin"/>.</summary>
    public static bool IsLocalOrigin(string text) =>
        text.Length <= 270
        && (text.StartsWith("http://", StringComparison.Ordinal) || text.StartsWith("https://", StringComparison.Ordinal))
        && IsVisible(text);

    private static bool IsVisible(string text) => text.All(c => c is > ' ' and < (char)0x7F);
}

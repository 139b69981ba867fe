using Tunnel.Framing.Frames;

namespace Tunnel.Server.Diagnostics;

/// <summary>
/// How raw connections end, in the words of the access log (docs/operating.md). Where an HTTP request would end with the
/// same code it is the same word.
/// </summary>
internal static class RawEnds
{
    /// <summary>Each side ended its half.</summary>
    public const string Closed = "closed";

    /// <summary>The visitor broke the connection, or is gone without a word.</summary>
    public const string VisitorReset = "visitor-reset";

    /// <summary>The visitor left while it waited for an agent.</summary>
    public const string VisitorLeft = "visitor-left";

    /// <summary>The server stopped, and the grace was over.</summary>
    public const string ServerStopped = "server-stopped";

    /// <summary>It began with a PROXY header, and its sender is no trusted proxy.</summary>
    public const string ProxyHeader = "proxy-header";

    public const string AccessDenied = "access-denied";
    public const string AgentOffline = "agent-offline";
    public const string OriginRefused = "origin-refused";
    public const string InternalError = "internal-error";
    public const string TooBusy = "too-busy";
    public const string TunnelNotFound = "tunnel-not-found";

    /// <summary>A stream that did not end with FIN; the code may be the agent's own choice.</summary>
    public static string Of(ResetCode code) => code switch
    {
        ResetCode.NotProcessed => TooBusy,
        ResetCode.TunnelUnknown => TunnelNotFound,
        _ when code.IsOriginAbsent() => OriginRefused,
        ResetCode.OriginReset or ResetCode.OriginTimeout or ResetCode.SessionLost or ResetCode.TooBusy => code.Name(),
        _ => InternalError,
    };
}

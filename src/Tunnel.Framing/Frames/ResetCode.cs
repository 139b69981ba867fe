namespace Tunnel.Framing.Frames;

/// <summary>Why a stream ended early; the code in RESET (docs/protocol.md, section 4).</summary>
public enum ResetCode : ushort
{
    Stop = 0,
    Cancelled = 1,
    NotProcessed = 2,
    OriginRefused = 3,
    OriginInvalid = 4,
    OriginTimeout = 5,
    OriginReset = 6,
    RequestBroken = 7,
    TooBusy = 8,
    InternalError = 9,
    TunnelUnknown = 10,

    /// <summary>Never on the wire: the session ended under the stream.</summary>
    SessionLost = 11,
    OriginUnreachable = 12,
    OriginTlsFailed = 13,
    OriginSpeaksTls = 14,

    /// <summary>OPEN has a stream type that the acceptor does not know.</summary>
    TypeUnknown = 15,
}

/// <summary>The names of <see cref="ResetCode"/> as documentation and logs spell them.</summary>
public static class ResetCodes
{
    public static string Name(this ResetCode code) => code switch
    {
        ResetCode.Stop => "stop",
        ResetCode.Cancelled => "cancelled",
        ResetCode.NotProcessed => "not-processed",
        ResetCode.OriginRefused => "origin-refused",
        ResetCode.OriginInvalid => "origin-invalid",
        ResetCode.OriginTimeout => "origin-timeout",
        ResetCode.OriginReset => "origin-reset",
        ResetCode.RequestBroken => "request-broken",
        ResetCode.TooBusy => "too-busy",
        ResetCode.TunnelUnknown => "tunnel-unknown",
        ResetCode.SessionLost => "session-lost",
        ResetCode.OriginUnreachable => "origin-unreachable",
        ResetCode.OriginTlsFailed => "origin-tls-failed",
        ResetCode.OriginSpeaksTls => "origin-speaks-tls",
        ResetCode.TypeUnknown => "type-unknown",
        _ => "internal-error",
    };

    /// <summary>A code off the wire: one that is unknown, or may not travel, is read as <see cref="ResetCode.InternalError"/>.</summary>
    public static ResetCode FromWire(ushort code) =>
        code <= (ushort)ResetCode.TypeUnknown && code != (ushort)ResetCode.SessionLost ? (ResetCode)code : ResetCode.InternalError;

    /// <summary>No connection to the origin came about, so that nothing of the request reached it.</summary>
    public static bool IsOriginAbsent(this ResetCode code) =>
        code is ResetCode.OriginRefused or ResetCode.OriginUnreachable or ResetCode.OriginTlsFailed;
}

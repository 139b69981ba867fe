namespace Tunnel.Framing.Frames;

/// <summary>Why a session ended; the code in CLOSE (docs/protocol.md, section 9).</summary>
public enum CloseCode : ushort
{
    Normal = 0,
    FrameTooLarge = 1,
    UnknownKind = 2,
    BadStreamId = 3,
    UnexpectedFrame = 4,
    MalformedPayload = 5,
    WindowExceeded = 6,
    CreditOverflow = 7,
    DataAfterEnd = 8,
    BadAck = 9,
    Flood = 10,
    InternalError = 11,
    Replaced = 12,
    Revoked = 13,
}

/// <summary>The names of <see cref="CloseCode"/> as documentation and logs spell them.</summary>
public static class CloseCodes
{
    public static string Name(this CloseCode code) => code switch
    {
        CloseCode.Normal => "normal",
        CloseCode.FrameTooLarge => "frame-too-large",
        CloseCode.UnknownKind => "unknown-kind",
        CloseCode.BadStreamId => "bad-stream-id",
        CloseCode.UnexpectedFrame => "unexpected-frame",
        CloseCode.MalformedPayload => "malformed-payload",
        CloseCode.WindowExceeded => "window-exceeded",
        CloseCode.CreditOverflow => "credit-overflow",
        CloseCode.DataAfterEnd => "data-after-end",
        CloseCode.BadAck => "bad-ack",
        CloseCode.Flood => "flood",
        CloseCode.Replaced => "replaced",
        CloseCode.Revoked => "revoked",
        _ => "internal-error",
    };

    /// <summary>The code under which docs/errors.md has the end of a session: what only a faulty peer brings about is one.</summary>
    public static string ErrorCode(this CloseCode code) => code switch
    {
        CloseCode.Normal => "session-closed",
        CloseCode.Flood or CloseCode.InternalError or CloseCode.Replaced or CloseCode.Revoked => code.Name(),
        <= CloseCode.BadAck => "protocol-violation",
        _ => "internal-error",
    };
}

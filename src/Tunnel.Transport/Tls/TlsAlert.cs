using System.Buffers;

namespace Tunnel.Transport.Tls;

/// <summary>A fatal alert to a client whose ClientHello we have read and will not answer (RFC 8446 section 6).</summary>
public enum TlsAlert : byte
{
    UnexpectedMessage = 10,
    RecordOverflow = 22,

    /// <summary>Not for visitors from this address.</summary>
    AccessDenied = 49,
    DecodeError = 50,
    InternalError = 80,

    /// <summary>Nobody here serves the name asked for (RFC 6066 section 3).</summary>
    UnrecognizedName = 112,

    /// <summary>Nothing the client offers to speak is spoken here (RFC 7301 section 3.2).</summary>
    NoApplicationProtocol = 120,
}

/// <summary>Alerts as records: before any keys exist they are plain.</summary>
public static class TlsAlerts
{
    public static void WriteAlert(this IBufferWriter<byte> output, TlsAlert alert) =>
        output.Write((ReadOnlySpan<byte>)[0x15, 3, 3, 0, 2, 2, (byte)alert]);
}

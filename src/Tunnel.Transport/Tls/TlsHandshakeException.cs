namespace Tunnel.Transport.Tls;

/// <summary>Why a TLS handshake did not come about.</summary>
public enum TlsHandshakeFailure
{
    /// <summary>The connection ended or broke before the handshake was over.</summary>
    PeerLeft,

    /// <summary>The certificate of the peer is not one we trust for this name; the message says why.</summary>
    Untrusted,

    /// <summary>No version or cipher in common, or an alert.</summary>
    Refused,

    /// <summary>The peer's first byte begins no TLS record.</summary>
    NotTls,
}

/// <summary>A TLS handshake failed. The connection below still belongs to the caller.</summary>
public sealed class TlsHandshakeException : IOException
{
    internal TlsHandshakeException(TlsHandshakeFailure failure, string message, Exception inner)
        : base(message, inner) => Failure = failure;

    public TlsHandshakeFailure Failure { get; }
}

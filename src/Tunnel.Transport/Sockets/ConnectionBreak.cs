namespace Tunnel.Transport.Sockets;

/// <summary>Why a connection broke.</summary>
public enum ConnectionBreak
{
    /// <summary>The peer reset it, or is gone and its system answered with a reset.</summary>
    PeerReset,

    /// <summary>The peer stopped answering: retransmissions or keep-alive probes ran out.</summary>
    TimedOut,

    /// <summary>The network between lost the peer.</summary>
    Unreachable,

    /// <summary>This side gave it up with <see cref="IConnection.Abort"/> or by disposing it.</summary>
    Aborted,

    /// <summary>TLS only: the connection ended without the peer's close_notify, so what came may not be all of it.</summary>
    Truncated,

    /// <summary>TLS only: the peer broke the rules of TLS, or ended the connection with an alert.</summary>
    Corrupt,

    /// <summary>Anything else; <see cref="ConnectionBrokenException.SocketError"/> says what.</summary>
    Other,
}

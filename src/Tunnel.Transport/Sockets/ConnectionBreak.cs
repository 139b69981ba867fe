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

    /// <summary>This side gave it up with <see cref="SocketConnection.Abort"/> or by disposing it.</summary>
    Aborted,

    /// <summary>Anything else; <see cref="ConnectionBrokenException.SocketError"/> says what.</summary>
    Other,
}

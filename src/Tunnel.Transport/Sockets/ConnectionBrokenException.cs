using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// The one exception with which reading from or writing to a <see cref="SocketConnection"/> fails once the
/// connection is broken. An orderly end is never an exception: it is <c>IsCompleted</c> of a read.
/// </summary>
public sealed class ConnectionBrokenException : IOException
{
    /// <param name="socketError">What the socket reported.</param>
    public ConnectionBrokenException(SocketError socketError)
        : base(Describe(ReasonOf(socketError), socketError))
    {
        SocketError = socketError;
        Reason = ReasonOf(socketError);
    }

    /// <summary>What happened, in the words of this project.</summary>
    public ConnectionBreak Reason { get; }

    /// <summary>What happened, in the words of the socket.</summary>
    public SocketError SocketError { get; }

    private static ConnectionBreak ReasonOf(SocketError error) => error switch
    {
        // Shutdown is EPIPE: the reset was seen before, this is the write after it.
        SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown
            or SocketError.NotConnected or SocketError.Disconnecting => ConnectionBreak.PeerReset,
        SocketError.TimedOut => ConnectionBreak.TimedOut,
        SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.NetworkDown
            or SocketError.NetworkReset or SocketError.HostDown => ConnectionBreak.Unreachable,
        SocketError.OperationAborted or SocketError.Interrupted or SocketError.NotSocket => ConnectionBreak.Aborted,
        _ => ConnectionBreak.Other,
    };

    private static string Describe(ConnectionBreak reason, SocketError error) => reason switch
    {
        ConnectionBreak.PeerReset => "The connection was reset by the peer.",
        ConnectionBreak.TimedOut => "The peer stopped answering.",
        ConnectionBreak.Unreachable => "The peer became unreachable.",
        ConnectionBreak.Aborted => "The connection was aborted on this side.",
        _ => $"The connection broke ({error}).",
    };
}

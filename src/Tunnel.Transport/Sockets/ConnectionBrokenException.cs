using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// The one exception with which reading from or writing to an <see cref="IConnection"/> fails once the
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

    /// <summary>For what no socket reports.</summary>
    internal ConnectionBrokenException(ConnectionBreak reason, Exception? inner = null)
        : base(Describe(reason, SocketError.SocketError), inner)
    {
        SocketError = SocketError.SocketError;
        Reason = reason;
    }

    /// <summary>The same break told once more, to somebody else.</summary>
    internal ConnectionBrokenException(ConnectionBrokenException first)
        : base(first.Message, first)
    {
        SocketError = first.SocketError;
        Reason = first.Reason;
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
        ConnectionBreak.Truncated => "The connection ended without a TLS close_notify: what came may not be all of it.",
        ConnectionBreak.Corrupt => "The peer broke the rules of TLS, or ended the connection with an alert.",
        _ => $"The connection broke ({error}).",
    };
}

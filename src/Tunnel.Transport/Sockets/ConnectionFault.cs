using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// The first reason for which a connection broke, shared by both halves. The system tells a reset only once, to
/// whichever call comes first; without this the other half would take it for an orderly end.
/// </summary>
internal sealed class ConnectionFault
{
    private int _error = (int)SocketError.Success;

    public SocketError Error => (SocketError)Volatile.Read(ref _error);

    public bool IsSet => Error != SocketError.Success;

    /// <summary>The first call wins; returns the reason that holds.</summary>
    public SocketError Set(SocketError error)
    {
        var before = (SocketError)Interlocked.CompareExchange(ref _error, (int)error, (int)SocketError.Success);
        return before == SocketError.Success ? error : before;
    }
}

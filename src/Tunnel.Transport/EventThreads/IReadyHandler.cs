using System.Net.Sockets;

namespace Tunnel.Transport.EventThreads;

/// <summary>Whoever waits for a socket to have something, or to have room.</summary>
internal interface IReadyHandler
{
    /// <summary>
    /// The wait is over: it may be worth trying, or the socket was closed (<see cref="SocketError.OperationAborted"/>). Runs
    /// on the event thread; must not block.
    /// </summary>
    public void OnReady(SocketError error);
}

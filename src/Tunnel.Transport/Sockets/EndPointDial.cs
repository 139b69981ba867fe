using System.Net;
using System.Net.Sockets;
using Tunnel.Transport.EventThreads;

namespace Tunnel.Transport.Sockets;

/// <summary>Connects to one end point, waiting in the way in which the connection will be waited for.</summary>
internal static class EndPointDial
{
    /// <summary>A connected socket, which the caller owns.</summary>
    /// <exception cref="SocketException">It did not work.</exception>
    /// <exception cref="OperationCanceledException">It is not wanted any more.</exception>
    public static Task<Socket> ConnectAsync(EndPoint endPoint, CancellationToken cancel) => EventLoop.All.Count > 0
        ? LoopDial.ConnectAsync(endPoint, cancel)
        : RuntimeConnectAsync(endPoint, cancel);

    private static async Task<Socket> RuntimeConnectAsync(EndPoint endPoint, CancellationToken cancel)
    {
        var protocol = endPoint is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified;
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, protocol);
        try
        {
            await socket.ConnectAsync(endPoint, cancel);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

using System.Net;
using System.Net.Sockets;

namespace Tunnel.TestSupport;

/// <summary>For what must be told its port before it listens; whatever can choose its own is given 0 instead.</summary>
public static class FreePort
{
    // Below the ports that systems deal out by themselves: one of those may be somebody's connection a moment later.
    private const int First = 20_000;
    private const int Last = 32_000;

    /// <summary>A port of the loopback that nobody had a moment ago.</summary>
    public static int Find()
    {
        while (true)
        {
            int port = Random.Shared.Next(First, Last);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken.
            }
        }
    }
}

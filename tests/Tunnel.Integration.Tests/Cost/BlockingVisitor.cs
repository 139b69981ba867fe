using System.Net;
using System.Net.Sockets;

namespace Tunnel.Integration.Tests.Cost;

/// <summary>A visitor with one connection, on the thread of whoever asks. It allocates nothing.</summary>
public sealed class BlockingVisitor : IDisposable
{
    private static readonly byte[] Request = "GET /some/where HTTP/1.1\r\nHost: demo.localhost\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"u8.ToArray();

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 30_000 };
    private readonly byte[] _buffer = new byte[8192];

    public BlockingVisitor(int port) => _socket.Connect(IPAddress.Loopback, port);

    /// <summary>A request and its whole answer, which is <see cref="BlockingOrigin"/>'s.</summary>
    /// <exception cref="EndOfStreamException">There was none.</exception>
    public void Ask()
    {
        _socket.Send(Request);
        int filled = 0;
        while (true)
        {
            int some = _socket.Receive(_buffer.AsSpan(filled));
            if (some == 0)
            {
                throw new EndOfStreamException();
            }

            filled += some;
            int head = _buffer.AsSpan(0, filled).IndexOf("\r\n\r\n"u8);
            if (head >= 0 && filled == head + 4 + BlockingOrigin.BodyBytes)
            {
                return;
            }
        }
    }

    public void Dispose() => _socket.Dispose();
}

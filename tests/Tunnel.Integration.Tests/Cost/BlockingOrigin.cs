using System.Net;
using System.Net.Sockets;

namespace Tunnel.Integration.Tests.Cost;

/// <summary>An origin that answers each request with 1 KiB, on a thread for each connection. It allocates nothing for a request.</summary>
public sealed class BlockingOrigin : IDisposable
{
    public const int BodyBytes = 1024;

    private static readonly byte[] Answer = [.. "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\r\n"u8, .. new byte[BodyBytes]];

    private readonly Socket _listener = new(SocketType.Stream, ProtocolType.Tcp);

    public BlockingOrigin()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        new Thread(Serve) { IsBackground = true }.Start();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public void Dispose() => _listener.Dispose();

    private void Serve()
    {
        try
        {
            while (true)
            {
                Socket connection = _listener.Accept();
                new Thread(() => Answers(connection)) { IsBackground = true }.Start();
            }
        }
        catch (SocketException)
        {
            // The test is over.
        }
    }

    private static void Answers(Socket connection)
    {
        byte[] buffer = new byte[8192];
        int filled = 0;
        int some;
        connection.NoDelay = true;
        while ((some = connection.Receive(buffer.AsSpan(filled))) > 0)
        {
            filled += some;
            if (buffer.AsSpan(0, filled).EndsWith("\r\n\r\n"u8))
            {
                filled = 0;
                connection.Send(Answer);
            }
        }

        connection.Dispose();
    }
}

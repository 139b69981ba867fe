using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Tunnel.Transport.Sockets;

namespace Tunnel.TestSupport;

/// <summary>
/// Two connected <see cref="SocketConnection"/>s over loopback. Disposing disposes both; the pool stays its owner's.
/// </summary>
public sealed class TcpLinkPair : IAsyncDisposable
{
    private TcpLinkPair(SocketConnection a, SocketConnection b)
    {
        A = a;
        B = b;
    }

    /// <summary>The end that connected.</summary>
    public SocketConnection A { get; }

    /// <summary>The end that accepted.</summary>
    public SocketConnection B { get; }

    /// <param name="pool">Null: the shared pool.</param>
    /// <param name="options">For both ends.</param>
    public static async Task<TcpLinkPair> CreateAsync(MemoryPool<byte>? pool = null, SocketConnectionOptions? options = null)
    {
        var (a, b) = await CreateSocketsAsync();
        pool ??= MemoryPool<byte>.Shared;
        return new TcpLinkPair(new SocketConnection(a, pool, options), new SocketConnection(b, pool, options));
    }

    /// <summary>The bare sockets, for tests that wrap one end only. The caller owns them.</summary>
    public static async Task<(Socket A, Socket B)> CreateSocketsAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        var a = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        var accepting = listener.AcceptAsync();
        await a.ConnectAsync(listener.LocalEndPoint!).Within();
        return (a, await accepting.Within());
    }

    public async ValueTask DisposeAsync()
    {
        await A.DisposeAsync().Within();
        await B.DisposeAsync().Within();
    }
}

using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// A connected TCP socket as a pair of pipes that work straight on it: no pump tasks, no thread hops of their own,
/// and no memory while nothing is under way. Both directions are independent; each ends by itself.
/// </summary>
/// <remarks>
/// <para>Input: one consumer; the end of the peer's sending is <c>IsCompleted</c>. Output: one producer; completing it
/// ends our sending (FIN) and leaves the other direction alone, completing it with an exception resets the
/// connection. Both fail with <see cref="ConnectionBrokenException"/>, and with nothing else, when the connection
/// breaks. A read and a flush may be pending at the same time.</para>
/// <para>Owns the socket. The pool stays its owner's; its memory must be made of arrays.</para>
/// </remarks>
public sealed class SocketConnection : IDuplexPipe, IAsyncDisposable
{
    private static readonly IPEndPoint Nowhere = new(IPAddress.None, 0);

    private readonly Socket _socket;
    private readonly SocketPipeReader _reader;
    private readonly SocketSender _sender;
    private readonly SocketPipeWriter _writer;
    private readonly ConnectionFault _fault = new();
    private readonly Lock _gate = new();
    private Task? _disposal;

    /// <param name="socket">Connected; the connection owns it from here on.</param>
    /// <param name="pool">Where blocks come from.</param>
    /// <param name="options">Null: <see cref="SocketConnectionOptions.Default"/>.</param>
    public SocketConnection(Socket socket, MemoryPool<byte> pool, SocketConnectionOptions? options = null)
    {
        _socket = socket;
        SocketTuning.Apply(socket, options ?? SocketConnectionOptions.Default);

        // Calls that would wait come back at once; waiting is done by the asynchronous ones.
        socket.Blocking = false;
        LocalEndPoint = Normalize(socket, static s => s.LocalEndPoint);
        RemoteEndPoint = Normalize(socket, static s => s.RemoteEndPoint);
        _sender = new SocketSender(socket, _fault);
        _reader = new SocketPipeReader(socket, pool, _sender, _fault);
        _writer = new SocketPipeWriter(_sender, pool, Abort);
    }

    /// <inheritdoc/>
    public PipeReader Input => _reader;

    /// <inheritdoc/>
    public PipeWriter Output => _writer;

    /// <summary>
    /// Our address; an IPv4 address in IPv6 clothes is plain IPv4. 255.255.255.255:0 when the system could not say
    /// because the connection broke before it got here.
    /// </summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <summary>The peer's address, under the same rules as <see cref="LocalEndPoint"/>.</summary>
    public IPEndPoint RemoteEndPoint { get; }

    /// <summary>
    /// Gives the connection up: the peer sees a reset, pending reads and flushes fail with
    /// <see cref="ConnectionBreak.Aborted"/>. From any thread, at any time, any number of times.
    /// </summary>
    public void Abort()
    {
        _fault.Set(SocketError.OperationAborted);

        // A closing timeout of zero is the abortive close: linger 0, so RST instead of FIN.
        _socket.Close(0);
    }

    /// <summary>
    /// Closes the socket and waits until nothing of the connection is in use. Orderly if <see cref="Output"/> was
    /// completed and everything was sent; otherwise the peer sees a reset, because a torn stream must not look
    /// complete. Pending calls fail. Blocks go back to the pool, except those the consumer or the producer holds at
    /// this moment: these follow when it advances or completes its half.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _disposal ??= CloseAsync();
            return new ValueTask(_disposal);
        }
    }

    private async Task CloseAsync()
    {
        if (_sender.EndedCleanly)
        {
            _socket.Dispose();
        }
        else
        {
            Abort();
        }

        await _reader.CloseAsync();
        await _sender.WhenIdleAsync();
        _writer.Close();
    }

    private static IPEndPoint Normalize(Socket socket, Func<Socket, EndPoint?> which)
    {
        try
        {
            return which(socket) switch
            {
                IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped => new IPEndPoint(mapped.Address.MapToIPv4(), mapped.Port),
                IPEndPoint plain => plain,
                _ => Nowhere,
            };
        }
        catch (SocketException)
        {
            return Nowhere;
        }
    }
}

using System.Net.Sockets;
using Tunnel.Transport.EventThreads;

namespace Tunnel.Transport.Sockets;

/// <summary>A receive of zero bytes: completes when there is something to receive, and needs no buffer for it.</summary>
internal sealed class ReadyOperation : SocketAsyncEventArgs
{
    private readonly Socket _socket;
    private readonly IReadyHandler _reader;

    public ReadyOperation(Socket socket, IReadyHandler reader)
        : base(true)
    {
        _socket = socket;
        _reader = reader;
        SetBuffer(Memory<byte>.Empty);
    }

    /// <summary>True: the socket waits and calls the reader. False: it is ready, or failed with the error.</summary>
    public bool TryWait(out SocketError error)
    {
        try
        {
            var waits = _socket.ReceiveAsync(this);
            error = waits ? SocketError.Success : SocketError;
            return waits;
        }
        catch (Exception e) when (e is ObjectDisposedException or InvalidOperationException or SocketException)
        {
            // The connection was aborted, or disposed, between the call and here.
            error = SocketError.OperationAborted;
            return false;
        }
    }

    protected override void OnCompleted(SocketAsyncEventArgs e) => _reader.OnReady(SocketError);
}

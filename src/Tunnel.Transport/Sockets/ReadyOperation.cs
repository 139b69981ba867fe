using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>A receive of zero bytes: completes when there is something to receive, and needs no buffer for it.</summary>
internal sealed class ReadyOperation : SocketAsyncEventArgs
{
    private readonly SocketPipeReader _reader;

    public ReadyOperation(SocketPipeReader reader)
        : base(true)
    {
        _reader = reader;
        SetBuffer(Memory<byte>.Empty);
    }

    protected override void OnCompleted(SocketAsyncEventArgs e) => _reader.OnReady(SocketError);
}

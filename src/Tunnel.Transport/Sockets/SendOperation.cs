using System.Net.Sockets;
using Tunnel.Transport.Buffers;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// What a gathered or waiting send needs beyond the blocks themselves. Shared by all connections: a writer has one
/// only while it sends, so an idle connection pays nothing for it.
/// </summary>
internal sealed class SendOperation : SocketAsyncEventArgs
{
    /// <summary>Blocks in one system call; up to eight the runtime prepares without allocating.</summary>
    public const int MaxBlocks = 8;

    private static readonly Shelf<SendOperation> Spare = new(256);

    private readonly List<ArraySegment<byte>> _blocks = new(MaxBlocks);
    private SocketSender? _sender;

    private SendOperation()
        : base(true)
    {
    }

    public List<ArraySegment<byte>> Blocks => _blocks;

    public static SendOperation Rent(SocketSender sender)
    {
        if (!Spare.TryTake(out var operation))
        {
            operation = new SendOperation();
        }

        operation._sender = sender;
        return operation;
    }

    /// <summary>Sends the blocks. True: the socket is full and calls the sender. False: look at the result.</summary>
    public bool TryWait(Socket socket)
    {
        // The list is copied when it is set, and only then.
        BufferList = _blocks;
        return socket.SendAsync(this);
    }

    public void Return()
    {
        // Also drops the references to the blocks; the pool has them back by now.
        _blocks.Clear();
        BufferList = null;
        _sender = null;
        if (!Spare.TryPut(this))
        {
            Dispose();
        }
    }

    protected override void OnCompleted(SocketAsyncEventArgs e) => _sender!.OnSent(SocketError, BytesTransferred);
}

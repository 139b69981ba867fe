using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>The chain a <see cref="SocketSender"/> is sending from, and what the system calls for it need.</summary>
internal struct SendProgress
{
    private SendChain _chain;
    private SendOperation? _operation;

    public readonly bool IsEmpty => _chain.IsEmpty;

    public void TakeFrom(ref SendChain flushed)
    {
        _chain.TakeFrom(ref flushed);

        // Blocks without a byte in them (memory asked for and not used) go back here.
        _chain.Sent(0);
    }

    /// <summary>
    /// Sends as much as the socket takes. True: it is full, and will call <see cref="SocketSender.OnSent"/>; nothing
    /// may be touched until then. False: so many bytes went, or the error came.
    /// </summary>
    public bool TrySend(Socket socket, SocketSender sender, out SocketError error, out int bytes)
    {
        try
        {
            if (_chain.IsSingle)
            {
                bytes = socket.Send(_chain.First, SocketFlags.None, out error);
            }
            else
            {
                _operation ??= SendOperation.Rent(sender);
                _chain.CopyTo(_operation.Blocks, SendOperation.MaxBlocks);
                bytes = socket.Send(_operation.Blocks, SocketFlags.None, out error);
            }

            if (error is not (SocketError.WouldBlock or SocketError.IOPending or SocketError.NoBufferSpaceAvailable))
            {
                return false;
            }

            // A partial send reports both: bytes that went, and that the rest would block.
            _chain.Sent(bytes);
            bytes = 0;
            if (_chain.IsEmpty)
            {
                error = SocketError.Success;
                return false;
            }

            _operation ??= SendOperation.Rent(sender);
            _chain.CopyTo(_operation.Blocks, SendOperation.MaxBlocks);
            if (_operation.TryWait(socket))
            {
                return true;
            }

            error = _operation.SocketError;
            bytes = _operation.BytesTransferred;
            return false;
        }
        catch (ObjectDisposedException)
        {
            // Aborted between the check and the call.
            error = SocketError.OperationAborted;
            bytes = 0;
            return false;
        }
    }

    /// <summary>These bytes went: blocks sent in full go back to the pool at once.</summary>
    public void Sent(int bytes) => _chain.Sent(bytes);

    public void Clear() => _chain.Clear();

    /// <summary>Nothing more to send for now.</summary>
    public void Rest()
    {
        _operation?.Return();
        _operation = null;
    }
}

using System.Net.Sockets;
using Tunnel.Transport.EventThreads;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// The chain a <see cref="SocketSender"/> is sending from, and all that is said to the socket: bytes, and the end of them.
/// </summary>
internal struct SendProgress
{
    private SendChain _chain;
    private SendOperation? _operation;
    private long _taken;

    public readonly bool IsEmpty => _chain.IsEmpty;

    /// <summary>Bytes the socket has taken so far. May be read from any thread.</summary>
    public long Taken => Volatile.Read(ref _taken);

    public void TakeFrom(ref SendChain flushed)
    {
        _chain.TakeFrom(ref flushed);

        // Blocks without a byte in them (memory asked for and not used) go back here.
        _chain.Sent(0);
    }

    /// <summary>
    /// Sends as much as the socket takes. True: it is full, and the sender will be called; nothing may be touched until
    /// then. False: so many bytes went, or the error came.
    /// </summary>
    public bool TrySend(Socket socket, SocketWatch watch, SocketSender sender, out SocketError error, out int bytes)
    {
        watch.BeginSend();
        try
        {
            if (_chain.IsSingle)
            {
                bytes = watch.IsOn ? DirectCalls.Send(socket, _chain.First, out error) : socket.Send(_chain.First, SocketFlags.None, out error);
            }
            else
            {
                _operation ??= SendOperation.Rent(sender);
                _chain.CopyTo(_operation.Blocks, SendOperation.MaxBlocks);
                bytes = watch.IsOn
                    ? DirectCalls.Send(socket, _operation.Blocks, out error)
                    : socket.Send(_operation.Blocks, SocketFlags.None, out error);
            }

            if (error is not (SocketError.WouldBlock or SocketError.IOPending or SocketError.NoBufferSpaceAvailable))
            {
                return false;
            }

            // A partial send reports both: bytes that went, and that the rest would block.
            Sent(bytes);
            bytes = 0;
            if (_chain.IsEmpty)
            {
                error = SocketError.Success;
                return false;
            }

            if (watch.IsOn)
            {
                return watch.TryWaitToSend(out error);
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

    /// <summary>What a send came back with; the fault is set when it failed.</summary>
    public void Account(ConnectionFault fault, SocketError error, int bytes)
    {
        Sent(bytes);
        if (error != SocketError.Success)
        {
            fault.Set(error);
        }
    }

    /// <summary>Says that nothing more comes (FIN).</summary>
    public static void End(Socket socket, ConnectionFault fault)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException e)
        {
            fault.Set(e.SocketErrorCode);
        }
        catch (ObjectDisposedException)
        {
            fault.Set(SocketError.OperationAborted);
        }
    }

    public void Clear() => _chain.Clear();

    /// <summary>Nothing more to send for now.</summary>
    public void Rest()
    {
        _operation?.Return();
        _operation = null;
    }

    // Blocks sent in full go back to the pool at once.
    private void Sent(int bytes)
    {
        if (bytes > 0)
        {
            Volatile.Write(ref _taken, _taken + bytes);
            _chain.Sent(bytes);
        }
    }
}

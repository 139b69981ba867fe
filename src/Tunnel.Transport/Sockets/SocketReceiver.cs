using System.Net.Sockets;
using Tunnel.Transport.EventThreads;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// Takes bytes from the socket into the buffer, and remembers how it ended. Not thread-safe: the reader says who may
/// receive when.
/// </summary>
internal sealed class SocketReceiver(Socket socket, ReceiveBuffer buffer, SocketSender sender, SocketWatch watch, ConnectionFault fault)
{
    public ReceiveBuffer Buffer { get; } = buffer;

    /// <summary>The peer ended its sending.</summary>
    public bool Eof { get; private set; }

    /// <summary>What broke the connection, if it broke; bytes received before that are still in the buffer.</summary>
    public SocketError Failure { get; private set; } = SocketError.Success;

    public bool IsBroken => Failure != SocketError.Success;

    public void Fail(SocketError error) => Failure = fault.Set(error);

    /// <summary>
    /// One receive, without waiting. False: nothing has come yet. True: bytes, the end or a break.
    /// </summary>
    public bool TryReceive()
    {
        SocketError error;
        try
        {
            var room = Buffer.Room();
            var bytes = watch.IsOn ? DirectCalls.Receive(socket, room.Span, out error) : socket.Receive(room.Span, SocketFlags.None, out error);
            if (error == SocketError.Success)
            {
                if (bytes > 0)
                {
                    Buffer.Commit(bytes, mayStopEarly: watch.IsUrgent);
                    return true;
                }

                // If the other half was told of a reset, this is not an orderly end but what the system says after it.
                Eof = !sender.IsCutOff();
                Failure = Eof ? SocketError.Success : fault.Error;
            }
        }
        catch (ObjectDisposedException)
        {
            error = SocketError.OperationAborted;
        }

        Buffer.Discard();
        switch (error)
        {
            case SocketError.Success:
                return true;
            case SocketError.WouldBlock or SocketError.IOPending:
                return false;
            default:
                Fail(error);
                return true;
        }
    }
}

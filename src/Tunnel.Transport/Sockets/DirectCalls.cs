using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// Receives and sends that never wait, asked of the system itself where an event loop listens to the socket: the runtime's own do
/// not wait either once a socket is told so, but for that it keeps a context of 220 bytes for each. Linux only.
/// </summary>
internal static unsafe partial class DirectCalls
{
    // sys/socket.h.
    private const int DoNotWait = 0x40;
    private const int NoSignal = 0x4000;

    /// <exception cref="ObjectDisposedException">The socket was closed.</exception>
    public static int Receive(Socket socket, Span<byte> room, out SocketError error)
    {
        nint bytes;
        do
        {
            bytes = Receive(socket.SafeHandle, room, (nuint)room.Length, DoNotWait);
        }
        while (IsInterrupted(bytes));
        return Judge(bytes, out error);
    }

    /// <inheritdoc cref="Receive(Socket, Span{byte}, out SocketError)"/>
    public static int Send(Socket socket, ReadOnlySpan<byte> bytes, out SocketError error)
    {
        nint sent;
        do
        {
            sent = Send(socket.SafeHandle, bytes, (nuint)bytes.Length, DoNotWait | NoSignal);
        }
        while (IsInterrupted(sent));
        return Judge(sent, out error);
    }

    /// <param name="blocks">At most <see cref="SendOperation.MaxBlocks"/>.</param>
    /// <inheritdoc cref="Receive(Socket, Span{byte}, out SocketError)"/>
    public static int Send(Socket socket, List<ArraySegment<byte>> blocks, out SocketError error)
    {
        Span<GCHandle> pins = stackalloc GCHandle[SendOperation.MaxBlocks];
        Piece* pieces = stackalloc Piece[SendOperation.MaxBlocks];
        for (int i = 0; i < blocks.Count; i++)
        {
            pins[i] = GCHandle.Alloc(blocks[i].Array, GCHandleType.Pinned);
            pieces[i] = new Piece { Start = (byte*)pins[i].AddrOfPinnedObject() + blocks[i].Offset, Length = (nuint)blocks[i].Count };
        }

        try
        {
            var message = new Message { Pieces = pieces, Count = (nuint)blocks.Count };
            nint sent;
            do
            {
                sent = Send(socket.SafeHandle, &message, DoNotWait | NoSignal);
            }
            while (IsInterrupted(sent));
            return Judge(sent, out error);
        }
        finally
        {
            foreach (GCHandle pin in pins[..blocks.Count])
            {
                pin.Free();
            }
        }
    }

    private static bool IsInterrupted(nint result) => result < 0 && Marshal.GetLastPInvokeError() == SystemErrors.Interrupted;

    private static int Judge(nint result, out SocketError error)
    {
        error = result >= 0 ? SocketError.Success : SystemErrors.MeaningOf(Marshal.GetLastPInvokeError());
        return result >= 0 ? (int)result : 0;
    }

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Receive(SafeHandle socket, Span<byte> room, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Send(SafeHandle socket, ReadOnlySpan<byte> bytes, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Send(SafeHandle socket, Message* message, int flags);

    // struct iovec.
    [StructLayout(LayoutKind.Sequential)]
    private struct Piece
    {
        public byte* Start;
        public nuint Length;
    }

    // struct msghdr, of which the connected need the pieces alone.
    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        public nint Name;
        public uint NameLength;
        public Piece* Pieces;
        public nuint Count;
        public nint Control;
        public nuint ControlLength;
        public int Flags;
    }
}

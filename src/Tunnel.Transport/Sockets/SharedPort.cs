using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// Several processes on one port with SO_REUSEPORT (Linux): the kernel spreads connections over their sockets, which stand
/// in a row in the order in which they began to listen. When a socket is closed, connections in its own queue are lost
/// (unless <c>net.ipv4.tcp_migrate_req</c> is 1), so it is taken out of the choice first and closed when its queue is empty.
/// </summary>
internal static class SharedPort
{
    private const int SocketLevel = 1;
    private const int ReusePort = 15;
    private const int AttachProgram = 51;
    private const int DetachProgram = 68;

    // Classic BPF: "return K".
    private const ushort Return = 0x06;

    public static bool IsSupported => OperatingSystem.IsLinux();

    /// <summary>Before binding.</summary>
    public static void Enable(Socket socket) => SetInt(socket, ReusePort, 1);

    /// <summary>The newcomer: from now on the kernel chooses as it likes again, whatever a process that left had asked for.</summary>
    public static void ChooseFreely(Socket socket)
    {
        try
        {
            SetInt(socket, DetachProgram, 0);
        }
        catch (SocketException)
        {
            // There was nothing to undo, or the kernel is too old for it.
        }
    }

    /// <summary>The one that leaves: new connections go to the socket behind the first, which is the successor's.</summary>
    public static void GiveWay(Socket socket)
    {
        // struct sock_filter { u16 code; u8 jt, jf; u32 k; }: "return 1"; without a second socket the kernel chooses itself.
        byte[] filter = new byte[8];
        BitConverter.TryWriteBytes(filter, Return);
        BitConverter.TryWriteBytes(filter.AsSpan(4), 1u);
        GCHandle pinned = GCHandle.Alloc(filter, GCHandleType.Pinned);
        try
        {
            // struct sock_fprog { u16 len; struct sock_filter *filter; }, the pointer at its natural place.
            byte[] program = new byte[2 * IntPtr.Size];
            BitConverter.TryWriteBytes(program, (ushort)1);
            BitConverter.TryWriteBytes(program.AsSpan(IntPtr.Size), pinned.AddrOfPinnedObject());
            socket.SetRawSocketOption(SocketLevel, AttachProgram, program);
        }
        catch (SocketException)
        {
            // An old kernel: whoever is in our queue when we close has to try again.
        }
        finally
        {
            pinned.Free();
        }
    }

    private static void SetInt(Socket socket, int option, int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BitConverter.TryWriteBytes(bytes, value);
        socket.SetRawSocketOption(SocketLevel, option, bytes);
    }
}

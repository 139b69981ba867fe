using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Tunnel.Hosting.Control;

/// <summary>Who is at the other end of a Unix socket, as the kernel says.</summary>
[SupportedOSPlatform("linux")]
internal static partial class PeerUser
{
    // asm-generic/socket.h
    private const int SocketLevel = 1;
    private const int Credentials = 17;
    private const int Groups = 59;
    private const int MostGroups = 1024;

    /// <summary>Whether it is this user, root, or somebody of the group.</summary>
    public static bool MayAsk(Socket socket, uint? group)
    {
        try
        {
            // struct ucred: process, user, group.
            Span<uint> peer = stackalloc uint[3];
            return socket.GetRawSocketOption(SocketLevel, Credentials, MemoryMarshal.AsBytes(peer)) == 3 * sizeof(uint)
                && (peer[1] == 0 || peer[1] == Self() || (group is { } one && (peer[2] == one || IsIn(socket, one))));
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static bool IsIn(Socket socket, uint group)
    {
        Span<uint> groups = stackalloc uint[MostGroups];
        int bytes = socket.GetRawSocketOption(SocketLevel, Groups, MemoryMarshal.AsBytes(groups));
        return groups[..(bytes / sizeof(uint))].Contains(group);
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial uint Self();
}

using System.Buffers.Binary;
using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>What the system knows about a TCP connection and .NET has no name for.</summary>
internal static class TcpInfo
{
    private const int TcpLevel = 6;
    private const int LinuxTcpInfo = 11;

    // struct tcp_info of linux/tcp.h: tcpi_bytes_acked, since Linux 4.1.
    private const int BytesAckedAt = 120;
    private const int Size = BytesAckedAt + sizeof(ulong);

    /// <summary>Bytes the peer's system has acknowledged; false where our system does not say.</summary>
    public static bool TryGetAcknowledged(Socket socket, out long bytes)
    {
        bytes = 0;
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        Span<byte> info = stackalloc byte[Size];
        try
        {
            if (socket.GetRawSocketOption(TcpLevel, LinuxTcpInfo, info) < Size)
            {
                return false;
            }
        }
        catch (SocketException)
        {
            return false;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }

        ReadOnlySpan<byte> acknowledged = info[BytesAckedAt..];
        bytes = BitConverter.IsLittleEndian
            ? BinaryPrimitives.ReadInt64LittleEndian(acknowledged)
            : BinaryPrimitives.ReadInt64BigEndian(acknowledged);
        return true;
    }
}

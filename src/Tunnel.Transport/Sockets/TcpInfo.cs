using System.Buffers.Binary;
using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>What the system knows about a TCP connection and .NET has no name for: struct tcp_info of linux/tcp.h.</summary>
internal static class TcpInfo
{
    private const int TcpLevel = 6;
    private const int LinuxTcpInfo = 11;

    // tcpi_retransmits and tcpi_probes, one byte each; tcpi_last_ack_recv, milliseconds.
    private const int RetransmitsAt = 2;
    private const int ProbesAt = 3;
    private const int LastAckReceivedAt = 56;

    // tcpi_unacked, segments; tcpi_notsent_bytes, since Linux 4.6.
    private const int UnacknowledgedAt = 24;
    private const int NotSentAt = 144;

    // tcpi_bytes_acked, since Linux 4.1.
    private const int BytesAckedAt = 120;
    private const int Size = NotSentAt + sizeof(uint);

    /// <summary>Bytes the peer's system has acknowledged; false where our system does not say.</summary>
    public static bool TryGetAcknowledged(Socket socket, out long bytes)
    {
        Span<byte> info = stackalloc byte[Size];
        bytes = 0;
        if (!TryRead(socket, info))
        {
            return false;
        }

        ReadOnlySpan<byte> acknowledged = info[BytesAckedAt..];
        bytes = BitConverter.IsLittleEndian
            ? BinaryPrimitives.ReadInt64LittleEndian(acknowledged)
            : BinaryPrimitives.ReadInt64BigEndian(acknowledged);
        return true;
    }

    /// <summary>How the peer's system answers; false where our system does not say.</summary>
    /// <param name="isUnderWay">Something that was sent, or waits to be, has not reached it.</param>
    /// <param name="unanswered">Retransmissions and probes in a row that it has not answered.</param>
    /// <param name="sinceLastAck">Since anything at all came from it.</param>
    public static bool TryGetSilence(Socket socket, out bool isUnderWay, out int unanswered, out TimeSpan sinceLastAck)
    {
        Span<byte> info = stackalloc byte[Size];
        isUnderWay = false;
        unanswered = 0;
        sinceLastAck = TimeSpan.Zero;
        if (!TryRead(socket, info))
        {
            return false;
        }

        isUnderWay = info[UnacknowledgedAt..].Slice(0, sizeof(uint)).ContainsAnyExcept((byte)0) || info[NotSentAt..].ContainsAnyExcept((byte)0);
        unanswered = info[RetransmitsAt] + info[ProbesAt];
        ReadOnlySpan<byte> since = info[LastAckReceivedAt..];
        sinceLastAck = TimeSpan.FromMilliseconds(BitConverter.IsLittleEndian
            ? BinaryPrimitives.ReadUInt32LittleEndian(since)
            : BinaryPrimitives.ReadUInt32BigEndian(since));
        return true;
    }

    private static bool TryRead(Socket socket, Span<byte> info)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        try
        {
            return socket.GetRawSocketOption(TcpLevel, LinuxTcpInfo, info) == Size;
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }
}

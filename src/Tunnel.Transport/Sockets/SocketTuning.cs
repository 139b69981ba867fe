using System.Buffers.Binary;
using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// Applies <see cref="SocketConnectionOptions"/> to a connected socket, as far as the system knows them; or to a listening one,
/// whose connections begin with what it has. Linux does that for all of them, which saves half a dozen system calls each time.
/// </summary>
internal static class SocketTuning
{
    private const int TcpLevel = 6;
    private const int LinuxNotSentLowAt = 25;
    private const int MacNotSentLowAt = 0x201;

    /// <summary>Whether connections are tuned as the socket is that took them in.</summary>
    public static bool IsInherited => OperatingSystem.IsLinux();

    public static void Apply(Socket socket, SocketConnectionOptions options)
    {
        try
        {
            socket.NoDelay = true;
            var limited = options.UnsentLimit is { } limit && TryLimitUnsent(socket, limit);
            if (!limited && options.SendBufferSize is { } size)
            {
                socket.SendBufferSize = size;
            }

            if (options.ReceiveBufferSize is { } room)
            {
                socket.ReceiveBufferSize = room;
            }

            if (options.KeepAliveAfter is { } after)
            {
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, Seconds(after));
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, Seconds(options.KeepAliveInterval));
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, options.KeepAliveProbes);
            }
        }
        catch (SocketException)
        {
            // The peer may have reset the connection already (some systems then refuse every option), or the system
            // lacks one: both are no reason to fail here. The first read or write says what became of the peer.
        }
    }

    private static bool TryLimitUnsent(Socket socket, int bytes)
    {
        int option;
        if (OperatingSystem.IsLinux())
        {
            option = LinuxNotSentLowAt;
        }
        else if (OperatingSystem.IsMacOS())
        {
            option = MacNotSentLowAt;
        }
        else
        {
            return false;
        }

        Span<byte> value = stackalloc byte[sizeof(int)];
        if (BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.WriteInt32LittleEndian(value, bytes);
        }
        else
        {
            BinaryPrimitives.WriteInt32BigEndian(value, bytes);
        }

        try
        {
            socket.SetRawSocketOption(TcpLevel, option, value);
            return true;
        }
        catch (SocketException)
        {
            // An old kernel: the send buffer has to do.
            return false;
        }
    }

    private static int Seconds(TimeSpan time) => Math.Max(1, (int)time.TotalSeconds);
}

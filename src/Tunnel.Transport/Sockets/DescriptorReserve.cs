using System.Globalization;
using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// Keeps the last descriptors of the process from being spent on visitors, and on what is opened for them. The runtime itself needs some (a thread
/// pool that cannot start a thread for want of one ends the process), and so do logs and links. Systems give out the
/// lowest free number, so the number of a new descriptor tells how many are left at most.
/// </summary>
public sealed class DescriptorReserve
{
    /// <summary>What to say, and what to do, when there is none left.</summary>
    public const string UsedUp = "This program may open no more files and connections; raise its limit (ulimit -n, LimitNOFILE).";

    private const int Wanted = 64;
    private const string LimitLine = "Max open files";

    private readonly long _lowFrom;

    internal DescriptorReserve(long lowFrom) => _lowFrom = lowFrom;

    /// <summary>For this process; where the limit is not known, nothing is ever low.</summary>
    public static DescriptorReserve OfThisProcess()
    {
        var limit = ReadLimit();
        return new DescriptorReserve(limit - Math.Min(Wanted, limit / 4));
    }

    /// <summary>With this socket the process has begun to live on the reserve.</summary>
    public bool IsTouchedBy(Socket socket) => !OperatingSystem.IsWindows() && socket.Handle >= _lowFrom;

    /// <summary>The reserve is still in use.</summary>
    public bool IsTouched()
    {
        try
        {
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            return IsTouchedBy(probe);
        }
        catch (SocketException)
        {
            return true;
        }
    }

    /// <summary>The process cannot open a socket at the moment.</summary>
    public static bool IsUsedUp()
    {
        try
        {
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            return false;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode == SocketError.TooManyOpenSockets;
        }
    }

    private static long ReadLimit()
    {
        if (!OperatingSystem.IsLinux())
        {
            return long.MaxValue;
        }

        try
        {
            foreach (var line in File.ReadLines("/proc/self/limits"))
            {
                if (line.StartsWith(LimitLine, StringComparison.Ordinal)
                    && line[LimitLine.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var soft, ..]
                    && long.TryParse(soft, CultureInfo.InvariantCulture, out var limit))
                {
                    return limit;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A container without /proc: the errors of accepting have to do.
        }

        return long.MaxValue;
    }
}

using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// Listening sockets that whoever started this process has opened for it, as systemd does (sd_listen_fds(3)): descriptors
/// from 3 on, counted in <c>LISTEN_FDS</c>, named in <c>LISTEN_FDNAMES</c>, meant for the process in <c>LISTEN_PID</c>. Other
/// processes may hold the same sockets, and accept from them too.
/// </summary>
public sealed class InheritedSockets
{
    private const int First = 3;

    private readonly List<(string Name, Socket Socket)> _sockets;

    private InheritedSockets(List<(string Name, Socket Socket)> sockets) => _sockets = sockets;

    /// <summary>Takes over what was left for this process; null when nothing was. Unix only.</summary>
    /// <exception cref="ArgumentException">The variables make no sense, or a descriptor is no listening TCP socket.</exception>
    public static InheritedSockets? Take() => Take(Environment.GetEnvironmentVariable, Environment.ProcessId);

    internal static InheritedSockets? Take(Func<string, string?> variable, int processId)
    {
        if (OperatingSystem.IsWindows() || variable("LISTEN_PID") is not { Length: > 0 } pid
            || pid != processId.ToString(CultureInfo.InvariantCulture))
        {
            return null;
        }

        if (!int.TryParse(variable("LISTEN_FDS"), NumberStyles.None, CultureInfo.InvariantCulture, out int count) || count is < 1 or > 64)
        {
            throw new ArgumentException("LISTEN_FDS is not a number of sockets from 1 to 64.");
        }

        string[] names = variable("LISTEN_FDNAMES") is { Length: > 0 } given ? given.Split(':') : [];
        if (names.Length > 0 && names.Length != count)
        {
            throw new ArgumentException($"LISTEN_FDNAMES has {names.Length} names for {count} sockets.");
        }

        List<(string, Socket)> sockets = [];
        for (int i = 0; i < count; i++)
        {
            sockets.Add((names.Length > 0 ? names[i] : "", Open(First + i)));
        }

        return new InheritedSockets(sockets);
    }

    /// <summary>
    /// The sockets of this name, or, as far as they have no name that means anything, of this port; empty when there are
    /// none. Each socket is handed out once and belongs to the caller then.
    /// </summary>
    /// <param name="known">All names that mean something.</param>
    public IReadOnlyList<Socket> Claim(string name, int port, IReadOnlyCollection<string> known)
    {
        List<Socket> claimed =
        [
            .. _sockets
                .Where(socket => socket.Name == name || (!known.Contains(socket.Name) && PortOf(socket.Socket) == port))
                .Select(socket => socket.Socket),
        ];
        _sockets.RemoveAll(socket => claimed.Contains(socket.Socket));
        return claimed;
    }

    /// <exception cref="ArgumentException">A socket was left that nobody has claimed.</exception>
    public void RequireAllClaimed(IReadOnlyCollection<string> known)
    {
        if (_sockets.Count > 0)
        {
            throw new ArgumentException(
                $"The inherited socket on {_sockets[0].Socket.LocalEndPoint} is called '{_sockets[0].Name}' in LISTEN_FDNAMES and is on no port of this server; call it one of {string.Join(", ", known)}.");
        }
    }

    private static int PortOf(Socket socket) => ((IPEndPoint)socket.LocalEndPoint!).Port;

    private static Socket Open(int descriptor)
    {
        Socket socket;
        try
        {
            socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
        }
        catch (Exception error) when (error is SocketException or ArgumentException or NotSupportedException)
        {
            throw new ArgumentException($"Descriptor {descriptor} of LISTEN_FDS is no socket: {error.Message}", error);
        }

        bool listens = socket.SocketType == SocketType.Stream
            && socket.LocalEndPoint is IPEndPoint
            && socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.AcceptConnection) is int and not 0;
        return listens ? socket : throw new ArgumentException($"Descriptor {descriptor} of LISTEN_FDS is no listening TCP socket.");
    }
}

using System.Net;
using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>Where to listen: every address, loopback only, or one address; and on which port (0: any free one).</summary>
public sealed record BindSpec
{
    private BindSpec(IPAddress? address, bool loopback, int port)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(port, IPEndPoint.MinPort);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, IPEndPoint.MaxPort);
        Address = address;
        IsLoopback = loopback;
        Port = port;
    }

    /// <summary>The one address; null for every address and for loopback.</summary>
    public IPAddress? Address { get; }

    /// <summary>127.0.0.1 and, where there is IPv6, ::1, both on the same port.</summary>
    public bool IsLoopback { get; }

    /// <summary>0 picks a free port, the same for both families.</summary>
    public int Port { get; init; }

    /// <summary>Connections the system keeps ready before they are accepted; it may cut this down.</summary>
    public int Backlog { get; init; } = 1024;

    /// <summary>Other processes that say so too may listen on the same port beside this one (Linux).</summary>
    public bool SharesPort { get; init; }

    /// <summary>Every address, IPv6 and IPv4; IPv4 alone where there is no IPv6.</summary>
    public static BindSpec Every(int port) => new(null, loopback: false, port);

    /// <summary>Only this machine can connect.</summary>
    public static BindSpec Loopback(int port) => new(null, loopback: true, port);

    /// <summary>One address; null means every address. :: takes IPv4 as well, 0.0.0.0 does not take IPv6.</summary>
    public static BindSpec At(IPAddress? address, int port) => new(address, loopback: false, port);

    /// <summary>Binds and listens. At least one socket; all of them on the same port. The caller owns them.</summary>
    /// <exception cref="BindException">Some needed address cannot be listened on; no socket is left open.</exception>
    internal IReadOnlyList<Socket> Open()
    {
        if (IsLoopback)
        {
            return OpenLoopback();
        }

        if (Address is { } address)
        {
            return [Open(new IPEndPoint(address, Port))];
        }

        try
        {
            return [Open(new IPEndPoint(IPAddress.IPv6Any, Port))];
        }
        catch (BindException e) when (e.Failure == BindFailure.AddressNotAvailable)
        {
            return [Open(new IPEndPoint(IPAddress.Any, Port))];
        }
    }

    private Socket[] OpenLoopback()
    {
        const int Attempts = 32;
        for (var attempt = 1; ; attempt++)
        {
            var four = Open(new IPEndPoint(IPAddress.Loopback, Port));
            try
            {
                return [four, Open(new IPEndPoint(IPAddress.IPv6Loopback, ((IPEndPoint)four.LocalEndPoint!).Port))];
            }
            catch (BindException e) when (e.Failure == BindFailure.AddressNotAvailable)
            {
                // A machine without IPv6: 127.0.0.1 is all the loopback there is.
                return [four];
            }
            catch (BindException e) when (e.Failure == BindFailure.InUse && Port == 0 && attempt < Attempts)
            {
                // The port that was free for IPv4 is taken for IPv6; ask for another one.
                four.Dispose();
            }
            catch
            {
                four.Dispose();
                throw;
            }
        }
    }

    private Socket Open(IPEndPoint endPoint)
    {
        Socket? socket = null;
        try
        {
            socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = endPoint.Address.Equals(IPAddress.IPv6Any);
            }

            // On Unix the runtime binds with SO_REUSEADDR: connections in TIME_WAIT do not block a restart, a second
            // live listener is refused. Windows needs to be told to refuse it.
            if (OperatingSystem.IsWindows())
            {
                socket.ExclusiveAddressUse = true;
            }

            if (SharesPort)
            {
                SharedPort.Enable(socket);
            }

            socket.Bind(endPoint);
            socket.Listen(Backlog);
            if (SharesPort)
            {
                SharedPort.ChooseFreely(socket);
            }

            return socket;
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            throw new BindException(endPoint, e);
        }
    }
}

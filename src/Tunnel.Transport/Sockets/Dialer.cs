using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// Connects to a host by name or address, trying every address it has: the one that worked last comes first. The
/// addresses of this machine are tried one after the other; those of a remote name overlap, so that a family that
/// leads nowhere costs a moment and not the whole time. Safe from any thread.
/// </summary>
public sealed class Dialer
{
    /// <summary>Head start of each address of a remote name before the next is tried as well (RFC 8305, section 5).</summary>
    internal static readonly TimeSpan HeadStart = TimeSpan.FromMilliseconds(250);

    // Names come from configuration; the bound only matters if one day they do not.
    private const int MostRemembered = 1024;

    private static readonly IPAddress[] Localhost = [IPAddress.Loopback, IPAddress.IPv6Loopback];

    private readonly TimeProvider _time;
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve;
    private readonly Func<IPEndPoint, CancellationToken, Task<Socket>> _connect;
    private readonly ConcurrentDictionary<(string Host, int Port), IPAddress> _workedLast = new();

    /// <param name="time">For the time limit and the head starts.</param>
    public Dialer(TimeProvider time)
        : this(time, Dns.GetHostAddressesAsync, ConnectAsync)
    {
    }

    internal Dialer(
        TimeProvider time,
        Func<string, CancellationToken, Task<IPAddress[]>> resolve,
        Func<IPEndPoint, CancellationToken, Task<Socket>> connect)
    {
        _time = time;
        _resolve = resolve;
        _connect = connect;
    }

    /// <summary>A connected socket, which the caller owns.</summary>
    /// <param name="host">A name, <c>localhost</c>, or an address (IPv6 with or without brackets).</param>
    /// <param name="port">1 to 65535.</param>
    /// <param name="timeout">For everything together, the lookup of the name included.</param>
    /// <param name="cancellationToken">Gives up early.</param>
    /// <exception cref="DialException">It did not work; its <see cref="DialException.Failure"/> says why.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<Socket> DialAsync(string host, int port, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(host);
        ArgumentOutOfRangeException.ThrowIfLessThan(port, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, IPEndPoint.MaxPort);

        using var deadline = new CancellationTokenSource(timeout, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            var addresses = await AddressesOfAsync(host, port, linked.Token);
            return await TryAllAsync(host, port, addresses, linked.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new DialException(host, port, DialFailure.TimedOut);
        }
    }

    private static async Task<Socket> ConnectAsync(IPEndPoint endPoint, CancellationToken cancellationToken)
    {
        var socket = await EndPointDial.ConnectAsync(endPoint, cancellationToken);
        try
        {
            socket.NoDelay = true;
            if (socket.LocalEndPoint!.Equals(endPoint))
            {
                // Nobody listens, and the system happened to give us the very port we dial: TCP connects to itself.
                throw new SocketException((int)SocketError.ConnectionRefused);
            }

            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static DialException Worst(string host, int port, List<SocketException> failures)
    {
        // A machine that answered says more than a way that was not found: OutOfDescriptors before Refused before TimedOut before the others.
        var telling = failures.MinBy(static failure => DialException.FailureOf(failure.SocketErrorCode));
        return telling is null
            ? new DialException(host, port, DialFailure.NameNotResolved)
            : new DialException(host, port, DialException.FailureOf(telling.SocketErrorCode), telling);
    }

    private async ValueTask<IPAddress[]> AddressesOfAsync(string host, int port, CancellationToken cancellationToken)
    {
        IPAddress[] addresses;
        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
        {
            addresses = Localhost;
        }
        else if (IPAddress.TryParse(host, out var literal))
        {
            return [literal];
        }
        else
        {
            try
            {
                addresses = await _resolve(host, cancellationToken);
            }
            catch (SocketException e)
            {
                // The system's lookup does not tell a name that it has not found from a socket that it could not open.
                throw new DialException(host, port, DescriptorReserve.IsUsedUp() ? DialFailure.OutOfDescriptors : DialFailure.NameNotResolved, e);
            }
        }

        return _workedLast.TryGetValue((host, port), out var first) && Array.IndexOf(addresses, first) > 0
            ? [first, .. addresses.Where(address => !address.Equals(first))]
            : addresses;
    }

    private async Task<Socket> TryAllAsync(string host, int port, IPAddress[] addresses, CancellationToken cancellationToken)
    {
        var failures = new List<SocketException>();
        var running = new List<Task<Socket>>();
        using var losers = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            for (var next = 0; next < addresses.Length || running.Count > 0;)
            {
                if (next < addresses.Length)
                {
                    running.Add(_connect(new IPEndPoint(addresses[next++], port), losers.Token));
                }

                var socket = await FirstOfAsync(running, mayOverlap: next < addresses.Length && !IPAddress.IsLoopback(addresses[next]), failures, losers.Token);
                if (socket is not null)
                {
                    Remember(host, port, socket);
                    return socket;
                }
            }

            throw Worst(host, port, failures);
        }
        finally
        {
            await losers.CancelAsync();
            foreach (var loser in running)
            {
                await CloseAsync(loser);
            }
        }
    }

    /// <summary>Null: the next address may be tried, because one failed or its head start is over.</summary>
    private async Task<Socket?> FirstOfAsync(
        List<Task<Socket>> running, bool mayOverlap, List<SocketException> failures, CancellationToken cancellationToken)
    {
        Task first;
        if (mayOverlap)
        {
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            first = await Task.WhenAny([.. running, Task.Delay(HeadStart, _time, waiting.Token)]);
            await waiting.CancelAsync();
        }
        else
        {
            first = await Task.WhenAny(running);
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (first is not Task<Socket> attempt)
        {
            return null;
        }

        running.Remove(attempt);
        try
        {
            return await attempt;
        }
        catch (SocketException e)
        {
            failures.Add(e);
            return null;
        }
    }

    private void Remember(string host, int port, Socket socket)
    {
        if (!IPAddress.TryParse(host, out _) && AddressOf(socket) is { } address
            && (_workedLast.Count < MostRemembered || _workedLast.ContainsKey((host, port))))
        {
            _workedLast[(host, port)] = address;
        }
    }

    // Null: the other side reset the connection the moment it stood, and the system has forgotten who that was. It is no
    // failure of the dial; whoever uses the connection finds out, as after any reset.
    private static IPAddress? AddressOf(Socket socket)
    {
        try
        {
            return (socket.RemoteEndPoint as IPEndPoint)?.Address;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    private static async Task CloseAsync(Task<Socket> loser)
    {
        try
        {
            (await loser).Dispose();
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // It lost; how does not matter.
        }
    }
}

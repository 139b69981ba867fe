using System.Net;
using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// Listens on one port of the addresses a <see cref="BindSpec"/> names. Bound by the constructor, so that all
/// listeners of a program can be bound before any of them serves; accepting begins with <see cref="Start"/>.
/// </summary>
/// <remarks>Owns its sockets and its loops. Connections accepted belong to whoever takes them.</remarks>
public sealed class SocketListener : IAsyncDisposable
{
    /// <summary>A socket that has given way goes on taking who is on the way to it for so long.</summary>
    private static readonly TimeSpan GiveWayTime = TimeSpan.FromSeconds(1);

    private readonly IReadOnlyList<Socket> _sockets;
    private readonly bool _sharesPort;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private Task _loops = Task.CompletedTask;
    private Task? _stopped;
    private bool _started;

    /// <param name="spec">Where to listen.</param>
    /// <param name="time">For the pause after an error.</param>
    /// <exception cref="BindException">An address cannot be listened on.</exception>
    public SocketListener(BindSpec spec, TimeProvider time)
        : this(spec.Open(), time) => _sharesPort = spec.SharesPort;

    /// <param name="sockets">At least one, listening, all on one port; the listener owns them from here on.</param>
    /// <param name="time">For the pause after an error.</param>
    public SocketListener(IReadOnlyList<Socket> sockets, TimeProvider time)
    {
        _time = time;
        _sockets = sockets;
        EndPoints = [.. _sockets.Select(static socket => (IPEndPoint)socket.LocalEndPoint!)];
    }

    /// <summary>The actual addresses, all with the same port.</summary>
    public IReadOnlyList<IPEndPoint> EndPoints { get; }

    /// <summary>The actual port, also when port 0 was asked for.</summary>
    public int Port => EndPoints[0].Port;

    /// <summary>Connections that are taken in from now on come tuned, if the system can do that.</summary>
    /// <returns>Whether it can. Otherwise whoever takes them over tunes them.</returns>
    public bool Tune(SocketConnectionOptions options)
    {
        if (SocketTuning.IsInherited)
        {
            foreach (Socket socket in _sockets)
            {
                SocketTuning.Apply(socket, options);
            }
        }

        return SocketTuning.IsInherited;
    }

    /// <summary>Begins to accept.</summary>
    /// <param name="onAccepted">
    /// Takes over each connection; runs on the accepting loop, so it must not block, but may begin to serve. If it throws, the connection is
    /// closed and the loop goes on.
    /// </param>
    /// <param name="onFault">Hears of every error; must not block or throw.</param>
    public void Start(Action<Socket> onAccepted, Action<AcceptFault>? onFault = null)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopped is not null, this);
            if (_started)
            {
                throw new InvalidOperationException("The listener accepts already.");
            }

            _started = true;
            var reserve = DescriptorReserve.OfThisProcess();
            _loops = Task.WhenAll(_sockets.Select((socket, i) => AcceptAsync(socket, EndPoints[i], reserve, onAccepted, onFault)));
        }
    }

    /// <summary>
    /// Stops accepting, closes the port and waits until no connection is being handed over any more. Connections the
    /// system had ready and nobody accepted are reset by it, unless another process holds the same socket. On a shared port
    /// new connections go to the other process first, and those on their way to this one are still taken.
    /// </summary>
    public Task StopAsync()
    {
        lock (_gate)
        {
            return _stopped ??= CloseAsync();
        }
    }

    /// <inheritdoc cref="StopAsync"/>
    public ValueTask DisposeAsync() => new(StopAsync());

    private async Task AcceptAsync(
        Socket socket, IPEndPoint endPoint, DescriptorReserve reserve, Action<Socket> onAccepted, Action<AcceptFault>? onFault)
    {
        using LoopAccept? loop = LoopAccept.TryBegin(socket);
        if (loop is not null)
        {
            await loop.Turn;
        }

        await new AcceptLoop(endPoint, loop is null ? socket.AcceptAsync : loop.AcceptAsync, reserve, onAccepted, onFault, _time).RunAsync(_stop.Token);
    }

    private async Task CloseAsync()
    {
        if (_sharesPort && _started)
        {
            foreach (var socket in _sockets)
            {
                SharedPort.GiveWay(socket);
            }

            await Task.Delay(GiveWayTime, _time);
        }

        await _stop.CancelAsync();
        try
        {
            await _loops;
        }
        finally
        {
            foreach (var socket in _sockets)
            {
                socket.Dispose();
            }

            _stop.Dispose();
        }
    }
}

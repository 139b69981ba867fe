using Tunnel.Server.Diagnostics;
using Tunnel.Server.Identity;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server.Edge;

/// <summary>
/// The public ports of TCP tunnels: opened when a tunnel asks for one, closed when the registry has forgotten its name, so
/// that visitors of an agent that comes back find it open. Owns the listeners. Safe from any thread.
/// </summary>
internal sealed class TcpPorts : IAsyncDisposable
{
    private static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(2);

    /// <summary>A port is opened before its tunnel is bound; in between it is nobody's.</summary>
    private static readonly TimeSpan Unbound = TimeSpan.FromSeconds(10);

    private readonly EdgeServices _services;
    private readonly PortProtocols _protocols;
    private readonly Func<int, SocketListener> _bind;
    private readonly IReadOnlySet<int> _own;
    private readonly Lock _lock = new();
    private readonly Dictionary<int, OpenPort> _open = [];
    private readonly List<Task> _closing = [];
    private readonly ITimer _sweep;
    private bool _isStopped;

    /// <param name="bind">Binds a port where this server listens.</param>
    /// <param name="own">
    /// What the server listens on itself. With --reuse-port the kernel would give such a port to a tunnel as well, and the tunnel a
    /// part of the server's visitors and agents.
    /// </param>
    public TcpPorts(EdgeServices services, PortProtocols protocols, Func<int, SocketListener> bind, IReadOnlySet<int> own)
    {
        _services = services;
        _protocols = protocols;
        _bind = bind;
        _own = own;
        _sweep = services.Time.CreateTimer(static ports => ((TcpPorts)ports!).Sweep(), this, SweepEvery, SweepEvery);
    }

    /// <summary>Ports open at the moment.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _open.Count;
            }
        }
    }

    /// <summary>Opens the port asked for, or a free one; returns the tunnel's name, or null with the reason.</summary>
    /// <param name="judge">Why a name may not be had; null: it may. No port is opened for somebody who may not have it.</param>
    public string? Open(int? wanted, Func<string, string?> judge, out string reason)
    {
        reason = "";
        if (_services.Options.Listen.TcpPorts is not { } range)
        {
            reason = "This server has no TCP tunnels; start it with --tcp-ports, like --tcp-ports 20000-20999.";
            return null;
        }

        if (wanted is { } port)
        {
            reason = FindFault(port, range) ?? judge(TcpName.Of(port)) ?? "";
            return reason.Length == 0 && TryOpen(port, isChosen: false, out reason) ? TcpName.Of(port) : null;
        }

        // From a random one on, so that a tunnel that ended is not taken for its successor. Without the lock: the way through a large
        // range is long, and nobody else's port waits for it.
        string? why = null;
        int size = range.Last - range.First + 1;
        int start = Random.Shared.Next(size);
        for (int i = 0; i < size; i++)
        {
            int candidate = range.First + ((start + i) % size);
            string name = TcpName.Of(candidate);
            if (_own.Contains(candidate) || _services.Registry.TypeOf(name) is not null)
            {
                continue;
            }

            if (judge(name) is { } refused)
            {
                why = refused;
            }
            else if (TryOpen(candidate, isChosen: true, out _))
            {
                return name;
            }
        }

        reason = why ?? $"Every port of this server is taken ({range.First} to {range.Last}).";
        return null;
    }

    /// <summary>Closes all ports; connections have the grace.</summary>
    public async Task StopAsync(Task grace)
    {
        List<Task> stopping;
        lock (_lock)
        {
            _isStopped = true;
            stopping = [.. _closing, .. _open.Values.Select(port => port.Listener.StopAsync(grace))];
            _open.Clear();
            _closing.Clear();
        }

        await _sweep.DisposeAsync();
        await Task.WhenAll(stopping);
    }

    public async ValueTask DisposeAsync() => await StopAsync(Task.CompletedTask);

    private string? FindFault(int port, (int First, int Last) range) =>
        port < range.First || port > range.Last ? $"Port {port} is not one of this server's; it has {range.First} to {range.Last}."
        : _own.Contains(port) ? $"Port {port} is one of those the server itself listens on."
        : null;

    // One that is open is somebody's, or was a moment ago: who asks for it by number is judged by the name's rules, and it is no free one.
    private bool TryOpen(int port, bool isChosen, out string reason)
    {
        reason = "The server is stopping.";
        lock (_lock)
        {
            if (_isStopped)
            {
                return false;
            }

            if (_open.ContainsKey(port))
            {
                return !isChosen;
            }

            try
            {
                var listener = new EdgeListener(_services, _bind(port), link => _protocols.Tcp(link, port));
                _open[port] = new OpenPort(listener, _services.Time.GetTimestamp());
                listener.Start();
                ServerLog.TcpPortOpened(_services.Log, port);
                return true;
            }
            catch (BindException error)
            {
                reason = $"Port {port} cannot be had on the server: {error.Message}";
                return false;
            }
        }
    }

    private void Sweep()
    {
        lock (_lock)
        {
            _closing.RemoveAll(static task => task.IsCompleted);
            foreach ((int port, OpenPort open) in _open)
            {
                if (_services.Time.GetElapsedTime(open.Since) > Unbound && _services.Registry.TypeOf(TcpName.Of(port)) is null)
                {
                    _open.Remove(port);
                    _closing.Add(open.Listener.StopAsync(Task.CompletedTask));
                    ServerLog.TcpPortClosed(_services.Log, port);
                }
            }
        }
    }

    private sealed record OpenPort(EdgeListener Listener, long Since);
}

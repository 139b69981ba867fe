using System.Net;
using System.Net.Sockets;

namespace Tunnel.TestSupport;

/// <summary>
/// A raw TCP server on 127.0.0.1 and a free port that does to each connection exactly what the test says. Disposing
/// closes everything, waits for all handlers and fails with what they failed with, unless the end of the connection or
/// of the origin was the reason.
/// </summary>
public sealed class ScriptedOrigin : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Func<ScriptedConnection, Task> _handler;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly HashSet<ScriptedConnection> _open = [];
    private readonly List<Task> _handlers = [];
    private readonly Task _accepting;

    /// <param name="handler">Runs once for each connection, which is closed when it ends.</param>
    /// <param name="port">0: any free one. A given one brings an origin back where it was before.</param>
    public ScriptedOrigin(Func<ScriptedConnection, Task> handler, int port = 0)
    {
        _handler = handler;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        _listener.Listen(512);
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _accepting = AcceptAsync();
    }

    public int Port { get; }

    /// <summary>Connections accepted so far.</summary>
    public Tally Accepted { get; } = new();

    /// <summary>Connections whose handler has ended.</summary>
    public Tally Ended { get; } = new();

    /// <summary>Connections with a handler at work.</summary>
    public int OpenCount
    {
        get
        {
            lock (_gate)
            {
                return _open.Count;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting.Within();
        _listener.Dispose();
        Task[] handlers;
        lock (_gate)
        {
            handlers = [.. _handlers];
            foreach (var connection in _open)
            {
                connection.Reset();
            }
        }

        await Task.WhenAll(handlers).Within();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            for (var number = 1; ; number++)
            {
                var connection = new ScriptedConnection(await _listener.AcceptAsync(_stop.Token), number, _stop.Token);

                // Counted first: the handler may have answered before this line's thread goes on.
                Accepted.Add();
                lock (_gate)
                {
                    _open.Add(connection);
                    _handlers.Add(HandleAsync(connection));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The origin is being disposed.
        }
    }

    private async Task HandleAsync(ScriptedConnection connection)
    {
        await Task.Yield();
        try
        {
            await _handler(connection);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The other side went away, or the origin did: for a script that is an ending like any other.
        }
        finally
        {
            connection.Close();
            lock (_gate)
            {
                _open.Remove(connection);
            }

            Ended.Add();
        }
    }
}

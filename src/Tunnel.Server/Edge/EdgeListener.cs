using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Tunnel.Hosting;
using Tunnel.Server.Diagnostics;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server.Edge;

/// <summary>
/// Step 1: takes in visitors, within the limits, and runs an <see cref="IVisitor"/> for each. Owns them all:
/// <see cref="StopAsync"/> returns when the last one has ended. There is one for each port.
/// </summary>
/// <param name="open">Says what is spoken on this port.</param>
internal sealed class EdgeListener(EdgeServices services, SocketListener listener, Func<SocketConnection, IVisitor> open)
{
    private readonly ConcurrentDictionary<IVisitor, Task> _connections = new();
    private readonly RareLine _rareFault = new(services.Time);
    private readonly RareLine _rareRefusal = new(services.Time);

    // What sockets have when they are taken in; null: nothing.
    private readonly SocketConnectionOptions? _inherited = listener.Tune(services.Sockets.Easy) ? services.Sockets.Easy : null;
    private volatile bool _isStopping;

    public IReadOnlyList<IPEndPoint> EndPoints => listener.EndPoints;

    public int Port => listener.Port;

    public void Start() => listener.Start(OnAccepted, OnFault);

    /// <summary>
    /// Stops accepting. From now on answers say that the connection closes; connections on which no request comes for the
    /// quiet time close then, busy ones end with their answers. Completes when every request that had arrived has its
    /// session, or after <paramref name="limit"/>: from then on none is needed for new ones.
    /// </summary>
    public async Task BeginStopAsync(TimeSpan quiet, TimeSpan limit)
    {
        // Who is taken in until it has stopped is served.
        await listener.StopAsync();
        _isStopping = true;
        StopAll();
        await WithinAsync(Task.WhenAll(_connections.Values), quiet);
        StopAll();
        await WithinAsync(Task.WhenAll(_connections.Keys.Select(connection => connection.WhenSettledAsync())), limit);
    }

    /// <summary>Stops as <see cref="BeginStopAsync"/> and waits for all connections; what is left after the grace is cut.</summary>
    public async Task StopAsync(Task grace)
    {
        if (!_isStopping)
        {
            await BeginStopAsync(TimeSpan.Zero, TimeSpan.Zero);
        }

        Task all = Task.WhenAll(_connections.Values);
        if (await Task.WhenAny(all, grace) != all)
        {
            foreach (IVisitor connection in _connections.Keys)
            {
                connection.Abort();
            }
        }

        await all;
    }

    private void StopAll()
    {
        foreach (IVisitor connection in _connections.Keys)
        {
            connection.Stop();
        }
    }

    private async Task WithinAsync(Task task, TimeSpan limit) =>
        await task.WaitAsync(limit, services.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private void OnAccepted(Socket socket)
    {
        SocketConnectionOptions options = services.Sockets.ForNext;
        var link = new SocketConnection(socket, services.Pool, options, isTuned: ReferenceEquals(options, _inherited));
        IPAddress address = link.RemoteEndPoint.Address;
        if (!services.Census.TryEnter(address))
        {
            if (_rareRefusal.IsDue())
            {
                ServerLog.TooManyVisitors(
                    services.Log, address.ToString(), services.Census.Count, services.Census.CountFrom(address), services.Options.Visitors.MaxConnections, services.Options.Visitors.MaxConnectionsPerAddress);
            }

            link.Abort();
            return;
        }

        link.EndWhenPeerIsGone(services.Clock);
        IVisitor connection = open(link);

        // The entry must be there before the task can remove it; by then it may have ended. What the connection does until it
        // waits it does here and now.
        _connections[connection] = Task.CompletedTask;
        _connections.TryUpdate(connection, RunAsync(connection, address), Task.CompletedTask);
        if (_isStopping)
        {
            connection.Stop();
        }
    }

    private async Task RunAsync(IVisitor connection, IPAddress address)
    {
        try
        {
            await connection.RunAsync();
        }
        finally
        {
            _connections.TryRemove(connection, out _);
            services.Census.Leave(address);
        }
    }

    private void OnFault(AcceptFault fault)
    {
        if (_rareFault.IsDue())
        {
            ServerLog.AcceptFault(services.Log, fault.EndPoint, fault.Error.ToString(), fault.RetryAfter.TotalMilliseconds);
        }
    }
}

using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Tunnel.Framing.Frames;
using Tunnel.Server.Diagnostics;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server.Edge;

/// <summary>
/// Step 1: takes in visitors, within the limits, and runs a <see cref="VisitorConnection"/> for each. Owns them all:
/// <see cref="StopAsync"/> returns when the last one has ended.
/// </summary>
internal sealed class EdgeListener(EdgeServices services, SocketListener listener)
{
    private static readonly SocketConnectionOptions SocketOptions = new() { KeepAliveAfter = TimeSpan.FromSeconds(60) };

    private readonly ConcurrentDictionary<VisitorConnection, Task> _connections = new();
    private readonly AddressCounter _perAddress = new();
    private readonly RareLine _rareFault = new(services.Time);
    private readonly RareLine _rareRefusal = new(services.Time);
    private int _count;
    private volatile bool _isStopping;

    /// <summary>Open visitor connections.</summary>
    public int Count => Volatile.Read(ref _count);

    public IReadOnlyList<IPEndPoint> EndPoints => listener.EndPoints;

    public int Port => listener.Port;

    public void Start() => listener.Start(OnAccepted, OnFault);

    /// <summary>Stops accepting; idle connections close, busy ones finish; what is left after the grace is cut.</summary>
    public async Task StopAsync(Task grace)
    {
        _isStopping = true;
        await listener.StopAsync();
        foreach (VisitorConnection connection in _connections.Keys)
        {
            connection.Stop();
        }

        Task all = Task.WhenAll(_connections.Values);
        if (await Task.WhenAny(all, grace) != all)
        {
            foreach (VisitorConnection connection in _connections.Keys)
            {
                connection.Abort();
            }
        }

        await all;
    }

    private void OnAccepted(Socket socket)
    {
        var link = new SocketConnection(socket, services.Pool, SocketOptions);
        IPAddress address = link.RemoteEndPoint.Address;
        if (_isStopping || Count >= services.Options.MaxVisitors || !_perAddress.TryAdd(address, MostFrom(address)))
        {
            if (_rareRefusal.IsDue())
            {
                ServerLog.TooManyVisitors(services.Log, services.Options.MaxVisitors, address.ToString());
            }

            link.Abort();
            return;
        }

        Interlocked.Increment(ref _count);
        services.Metrics.VisitorChanged(+1);
        var connection = new VisitorConnection(services, link, new VisitorFacts(link.RemoteEndPoint, link.LocalEndPoint, VisitorScheme.Http));

        // The accepting loop must not carry the connection's work; and the entry must be there before the task can remove it.
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _connections[connection] = RunAsync(connection, address, started.Task);
        started.SetResult();
        if (_isStopping)
        {
            connection.Stop();
        }
    }

    // Everybody's visitors come through a trusted proxy.
    private int MostFrom(IPAddress address) =>
        services.Options.TrustedProxies.Contains(address) ? int.MaxValue : services.Options.MaxVisitorsPerAddress;

    private async Task RunAsync(VisitorConnection connection, IPAddress address, Task started)
    {
        await started;
        try
        {
            await connection.RunAsync();
        }
        finally
        {
            _connections.TryRemove(connection, out _);
            _perAddress.Remove(address);
            Interlocked.Decrement(ref _count);
            services.Metrics.VisitorChanged(-1);
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

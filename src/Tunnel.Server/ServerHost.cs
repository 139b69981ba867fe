using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Sessions;
using Tunnel.Hosting;
using Tunnel.Server.Agents;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Edge;
using Tunnel.Server.Routing;
using Tunnel.Transport;
using Tunnel.Transport.Buffers;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server;

/// <summary>
/// A whole server in one object: binds, serves, stops. The program, the quickstart and the tests all run this one.
/// Owns everything it makes; <see cref="DisposeAsync"/> leaves nothing running.
/// </summary>
[SuppressMessage("Usage", "CA2213", Justification = "The stop that OneStop runs disposes of everything, itself last.")]
public sealed class ServerHost : IAsyncDisposable
{
    private const int FallbackHttpPort = 8000;

    private readonly ServerOptions _options;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly BlockPool _pool;
    private readonly DeadlineClock _clock;
    private readonly ServerMetrics _metrics = new();
    private readonly AccessLog? _accessLog;
    private readonly TunnelRegistry _registry;
    private readonly AgentDirectory _directory = new();
    private readonly EdgeListener _edge;
    private readonly AgentListener _agents;
    private readonly OneStop _stopping = new();

    private ServerHost(ServerOptions options, Stream? accessLog, ILogger log, TimeProvider time)
    {
        _options = options;
        _log = log;
        _time = time;
        _pool = new BlockPool();
        _clock = new DeadlineClock(time);
        _registry = new TunnelRegistry(options.NameMemory, time);

        // Both listeners are bound before either serves: a port that is taken costs nobody a request.
        SocketListener visitors = BindForVisitors();
        SocketListener agents;
        try
        {
            agents = new SocketListener(Spec(options.AgentPort), time);
        }
        catch
        {
            // Nobody else knows of this listener; it has not begun to accept, so this completes at once.
            _ = visitors.DisposeAsync().AsTask();
            throw;
        }

        _accessLog = accessLog is null ? null : new AccessLog(accessLog, options.AccessLogIsJson, log, time);
        var edge = new EdgeServices
        {
            Options = options,
            Registry = _registry,
            Pool = _pool,
            Time = time,
            Clock = _clock,
            Date = new Forwarding.HttpDate(time),
            Metrics = _metrics,
            AccessLog = _accessLog,
            Log = log,
        };
        _edge = new EdgeListener(edge, visitors);
        SessionOptions session = options.Session with
        {
            MaxStreams = options.MaxStreamsPerSession,
            Pool = _pool,
            Time = time,
            ProcessMemory = new MemoryBudget(options.SharedWindowMemory),
        };
        _agents = new AgentListener(
            new AgentServices(options, _registry, _directory, session, PublicUrl, _metrics, log), agents);
    }

    /// <summary>The port visitors connect to.</summary>
    public int HttpPort => _edge.Port;

    /// <summary>The port agents connect to.</summary>
    public int AgentPort => _agents.Port;

    /// <summary>Open visitor connections, connected agents and names that are served.</summary>
    public (int Visitors, int Agents, int Names) Counts => (_edge.Count, _directory.Count, _registry.Count);

    /// <summary>Streams open in all sessions.</summary>
    public int OpenStreams => _directory.All.Sum(agent => agent.Session.OpenStreams);

    /// <summary>Blocks of memory in use; 0 when nothing is under way.</summary>
    public long RentedBlocks => _pool.RentedCount;

    /// <summary>Binds both ports and begins to serve.</summary>
    /// <exception cref="ArgumentException">An option makes no sense.</exception>
    /// <exception cref="BindException">A port or address cannot be had.</exception>
    public static ServerHost Start(ServerOptions options, ILoggerFactory logs, TimeProvider? time = null)
    {
        options.Validate();
        Stream? accessLog = options.AccessLog is { } path ? AccessLog.Open(path) : null;
        ServerHost host;
        try
        {
            host = new ServerHost(options, accessLog, logs.CreateLogger("tunnel-server"), time ?? TimeProvider.System);
        }
        catch
        {
            accessLog?.Dispose();
            throw;
        }

        host._edge.Start();
        host._agents.Start();
        ServerLog.Listening(host._log, Text(host._edge.EndPoints), Text(host._agents.EndPoints));
        return host;
    }

    /// <summary>What a visitor types to reach a name.</summary>
    public string PublicUrl(string name) =>
        HttpPort == ServerOptions.PreferredHttpPort
            ? $"http://{name}"
            : string.Create(CultureInfo.InvariantCulture, $"http://{name}:{HttpPort}");

    /// <summary>
    /// Stops as asked: agents are told, nothing new is accepted, running requests have the grace to finish. Cancelling
    /// ends the grace at once, also when a stop is under way already.
    /// </summary>
    public Task StopAsync(CancellationToken hurry = default) => _stopping.RunAsync(StopOnceAsync, hurry);

    /// <summary>Stops without grace.</summary>
    public async ValueTask DisposeAsync() => await StopAsync(new CancellationToken(canceled: true));

    private async Task StopOnceAsync(bool isHurried)
    {
        ServerLog.Stopping(_log, isHurried ? 0 : _options.Grace.TotalSeconds);
        using var grace = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Hurry);
        Task over = Task.Delay(_options.Grace, _time, grace.Token).ContinueWith(
            static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        try
        {
            // Running requests need their sessions: agents are told first, and let go of last.
            _agents.BeginStop(_options.Grace);
            await _edge.StopAsync(over);
            await _agents.StopAsync(over);
        }
        finally
        {
            await grace.CancelAsync();
            await over;
            await _clock.DisposeAsync();
            _metrics.Dispose();
            if (_accessLog is not null)
            {
                await _accessLog.DisposeAsync();
            }

            _pool.Dispose();
            ServerLog.Stopped(_log);
        }
    }

    private BindSpec Spec(int port) => _options.LoopbackOnly ? BindSpec.Loopback(port) : BindSpec.At(_options.Bind, port);

    // Without --http-port: 80, else 8000, else any (DESIGN section 8).
    private SocketListener BindForVisitors()
    {
        if (_options.HttpPort is { } port)
        {
            return new SocketListener(Spec(port), _time);
        }

        try
        {
            return new SocketListener(Spec(ServerOptions.PreferredHttpPort), _time);
        }
        catch (BindException first) when (first.Failure is BindFailure.InUse or BindFailure.NotPermitted)
        {
            SocketListener listener;
            try
            {
                listener = new SocketListener(Spec(FallbackHttpPort), _time);
            }
            catch (BindException second) when (second.Failure is BindFailure.InUse)
            {
                listener = new SocketListener(Spec(0), _time);
            }

            ServerLog.PortFallback(_log, first.Message, listener.Port);
            return listener;
        }
    }

    private static string Text(IReadOnlyList<IPEndPoint> endPoints) => string.Join(" and ", endPoints);
}

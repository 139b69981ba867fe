using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Tunnel.Agent.Connection;
using Tunnel.Agent.Console;
using Tunnel.Agent.Diagnostics;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Flow;
using Tunnel.Hosting;
using Tunnel.Transport;
using Tunnel.Transport.Buffers;
using Tunnel.Transport.EventThreads;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent;

/// <summary>
/// A whole agent in one object: connects, serves, stops. The program, the quickstart and the tests all run this one.
/// Owns everything it makes; <see cref="DisposeAsync"/> leaves nothing running.
/// </summary>
[SuppressMessage("Usage", "CA2213", Justification = "The stop that OneStop runs disposes of everything, itself last.")]
public sealed class AgentHost : IAsyncDisposable
{
    private readonly BlockPool _pool;
    private readonly BlockPool _inputPool;
    private readonly DeadlineClock _clock;
    private readonly TunnelTable _tunnels;
    private readonly InstanceFile _instance;
    private readonly AgentLoop _loop;
    private readonly AgentOptions _options;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly OneStop _stopping = new();

    private AgentHost(AgentOptions options, IAgentEvents events, IExchangeWatch? watch, ILogger log, TimeProvider time)
    {
        _options = options;
        _log = log;
        MemoryPlan plan = MemoryPlan.Of(options.MemoryLimit);
        _pool = new BlockPool(new BlockPoolOptions { RetainedBytesPerClass = plan.Retained });
        _inputPool = new BlockPool(new BlockPoolOptions { RetainedBytesPerClass = plan.Retained });
        var memory = new ProcessMemory(plan.Limit, () => _pool.RentedBytes);
        var origins = new OriginMemory(_pool, memory, plan);
        _clock = new DeadlineClock(time);
        _tunnels = new TunnelTable((tunnel, origin) => OpenOrigin(tunnel, origin, origins, time), time);
        _tunnels.Replace(options.Tunnels);
        _instance = InstanceFile.Open(options.StateFolder, options.KeyOfInstance);
        if (options.StateFolder is not null && !_instance.IsKept)
        {
            AgentLog.InstanceNotKept(log, options.StateFolder);
        }

        _loop = new AgentLoop(new ConnectionServices(
            options,
            new AgentSelf(_instance.Instance),
            _tunnels,
            origins,
            options.Session with
            {
                Pool = _pool,
                InputPool = _inputPool,
                Time = time,
                StreamsRunInline = true,
                WriterScheduler = EventThreadScheduler.Shared,
                ProcessMemory = memory,
                WaitingPerStream = Math.Min(options.Session.WaitingPerStream, plan.Piece),
                ReplayBytes = plan.Unacknowledged,
                FindAppendInPlace = SocketConnection.FindAppendInPlace,
            },
            events,
            watch,
            log));
        Exited = _loop.RunAsync(_stop.Token, _stopping.Hurry);
    }

    /// <summary>Completes when the agent has ended for good, asked or not.</summary>
    public Task<AgentExit> Exited { get; }

    /// <summary>A session stands, with or without a link at the moment.</summary>
    public bool IsConnected => _loop.Sessions > 0;

    /// <summary>Sessions that stand, of as many as <see cref="Link.LinkOptions.Links"/>.</summary>
    public int Sessions => _loop.Sessions;

    /// <summary>Connected, reconnecting or offline; why, and when it tries again.</summary>
    public AgentStatus Status => _loop.Status;

    /// <summary>Streams open, connections to the origin, and blocks of memory in use; all 0 when nothing is under way.</summary>
    public (int Streams, int Origins, long Blocks) Counts => (_loop.OpenStreams, _tunnels.Connections, _pool.RentedCount + _inputPool.RentedCount);

    /// <summary>How each tunnel stands, in the order in which they were told.</summary>
    public IReadOnlyList<(TunnelOptions Tunnel, TunnelStatus Status)> Tunnels => [.. _tunnels.Wanted.Select(tunnel => (tunnel.Options, tunnel.Status))];

    /// <summary>Everything that can be shown of it, at one moment.</summary>
    internal AgentView View => new(
        _loop.Status,
        _loop.Sessions,
        _loop.OpenStreams,
        _loop.Server,
        _loop.RoundTrip,
        [.. _tunnels.Wanted.Select(tunnel => new TunnelView(tunnel.Id, tunnel.Options, tunnel.Status))],
        Exited is { IsCompletedSuccessfully: true, Result: var exit } ? exit : null);

    /// <summary>Begins to connect, and goes on trying.</summary>
    /// <exception cref="ArgumentException">An option makes no sense.</exception>
    public static AgentHost Start(AgentOptions options, IAgentEvents events, ILoggerFactory logs, TimeProvider? time = null) =>
        Start(options, events, watch: null, logs, time);

    /// <inheritdoc cref="Start(AgentOptions, IAgentEvents, ILoggerFactory, TimeProvider?)"/>
    /// <param name="watch">Is shown every exchange; null: nobody watches.</param>
    internal static AgentHost Start(AgentOptions options, IAgentEvents events, IExchangeWatch? watch, ILoggerFactory logs, TimeProvider? time = null) =>
        new(options.Validate(), events, watch, logs.CreateLogger("tunnel-agent"), time ?? TimeProvider.System);

    /// <summary>
    /// Makes these the tunnels, while sessions and requests go on: what is new is asked for, what is not there any more is
    /// given up, and what is said otherwise changes without a gap if its name is the same.
    /// </summary>
    /// <returns>What has changed.</returns>
    /// <exception cref="ArgumentException">A tunnel makes no sense, or its files cannot be read; nothing has changed then.</exception>
    public IReadOnlyList<(TunnelChange Change, TunnelOptions Tunnel)> Change(IReadOnlyList<TunnelOptions> tunnels) =>
        _tunnels.Replace((_options with { Tunnels = tunnels }).Validate().Tunnels);

    /// <summary>The network may have changed: links are asked for a sign of life, and a wait for the next try ends.</summary>
    public void Poke() => _loop.Poke();

    /// <summary>
    /// Stops as asked: running requests have the grace to finish. Cancelling ends the grace at once, also when a stop is
    /// under way already.
    /// </summary>
    public Task StopAsync(CancellationToken hurry = default) => _stopping.RunAsync(StopOnceAsync, hurry);

    /// <summary>Stops without grace.</summary>
    public async ValueTask DisposeAsync() => await StopAsync(new CancellationToken(canceled: true));

    private OriginServices OpenOrigin(TunnelOptions tunnel, OriginOptions origin, OriginMemory memory, TimeProvider time)
    {
        if (origin.IsUnchecked)
        {
            AgentLog.OriginUnchecked(_log, Printable.Of(origin.Text(tunnel.Protocol)));
        }

        var pool = new OriginPool(origin, tunnel.Protocol, memory, time, _clock, _log);
        return new OriginServices(origin, _options.Http, pool, memory, new OriginFaultLog(origin, tunnel.Protocol, time, _log), _log);
    }

    private async Task StopOnceAsync(bool isHurried)
    {
        if (!Exited.IsCompleted)
        {
            AgentLog.Stopping(_log, isHurried ? 0 : _options.Grace.TotalSeconds);
        }

        try
        {
            await _stop.CancelAsync();
            await Exited;
        }
        finally
        {
            _instance.Dispose();
            await _tunnels.DisposeAsync();
            await _clock.DisposeAsync();
            _pool.Dispose();
            _inputPool.Dispose();
            _stop.Dispose();
            AgentLog.Stopped(_log);
        }
    }
}

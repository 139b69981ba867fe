using Microsoft.Extensions.Logging;
using Tunnel.Agent.Connection;
using Tunnel.Agent.Diagnostics;
using Tunnel.Agent.Local;
using Tunnel.Transport;
using Tunnel.Transport.Buffers;

namespace Tunnel.Agent;

/// <summary>
/// A whole agent in one object: connects, serves, stops. The program, the quickstart and the tests all run this one.
/// Owns everything it makes; <see cref="DisposeAsync"/> leaves nothing running.
/// </summary>
public sealed class AgentHost : IAsyncDisposable
{
    private readonly BlockPool _pool = new();
    private readonly DeadlineClock _clock;
    private readonly OriginPool _origins;
    private readonly AgentLoop _loop;
    private readonly AgentOptions _options;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _hurry = new();
    private readonly Lock _lock = new();
    private Task? _stopped;
    private bool _isReleased;

    private AgentHost(AgentOptions options, IAgentEvents events, ILogger log, TimeProvider time)
    {
        _options = options;
        _log = log;
        _clock = new DeadlineClock(time);
        _origins = new OriginPool(options, _pool, time, _clock, log);
        _loop = new AgentLoop(
            options,
            new OriginServices(options, _origins, _pool, log),
            options.Session with { Pool = _pool, Time = time },
            events,
            log);
        Exited = _loop.RunAsync(_stop.Token, _hurry.Token);
    }

    /// <summary>Completes when the agent has ended for good, asked or not.</summary>
    public Task<AgentExit> Exited { get; }

    public bool IsConnected => _loop.IsConnected;

    /// <summary>Streams open, connections to the origin, and blocks of memory in use; all 0 when nothing is under way.</summary>
    public (int Streams, int Origins, long Blocks) Counts => (_loop.OpenStreams, _origins.Count, _pool.RentedCount);

    /// <summary>Begins to connect, and goes on trying.</summary>
    /// <exception cref="ArgumentException">An option makes no sense.</exception>
    public static AgentHost Start(AgentOptions options, IAgentEvents events, ILoggerFactory logs, TimeProvider? time = null) =>
        new(options.Validate(), events, logs.CreateLogger("tunnel-agent"), time ?? TimeProvider.System);

    /// <summary>
    /// Stops as asked: running requests have the grace to finish. Cancelling ends the grace at once, also when a stop is
    /// under way already.
    /// </summary>
    public async Task StopAsync(CancellationToken hurry = default)
    {
        Task stopped;
        lock (_lock)
        {
            stopped = _stopped ??= StopOnceAsync(hurry.IsCancellationRequested);
        }

        await using (hurry.UnsafeRegister(static state => ((AgentHost)state!).Hurry(), this))
        {
            await stopped;
        }
    }

    /// <summary>Stops without grace.</summary>
    public async ValueTask DisposeAsync() => await StopAsync(new CancellationToken(canceled: true));

    private void Hurry()
    {
        lock (_lock)
        {
            if (!_isReleased)
            {
                _ = _hurry.CancelAsync();
            }
        }
    }

    private async Task StopOnceAsync(bool isHurried)
    {
        // The caller holds the lock.
        await Task.Yield();
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
            await _origins.DisposeAsync();
            await _clock.DisposeAsync();
            _pool.Dispose();
            lock (_lock)
            {
                _isReleased = true;
            }

            _stop.Dispose();
            _hurry.Dispose();
            AgentLog.Stopped(_log);
        }
    }
}

using Microsoft.Extensions.Logging;
using Tunnel.Agent.Diagnostics;
using Tunnel.Framing.Frames;
using Tunnel.Http.Heads;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Local;

/// <summary>
/// Connections to the one origin of a tunnel: opened when needed, kept for the next request when the answer allows it
/// (docs/http.md, "Connections"). Safe from any thread.
/// </summary>
internal sealed class OriginPool : IAsyncDisposable
{
    /// <summary>Idle connections kept; more are closed.</summary>
    public const int MostIdle = 512;

    /// <summary>How long an idle connection is kept, unless the origin says less.</summary>
    private static readonly TimeSpan KeepFor = TimeSpan.FromSeconds(4);

    /// <summary>A request that must not be sent twice trusts an idle connection only this long.</summary>
    private static readonly TimeSpan TrustFor = TimeSpan.FromSeconds(1);

    private readonly OriginOptions _options;
    private readonly string _origin;
    private readonly TimeProvider _time;
    private readonly DeadlineClock _clock;
    private readonly OriginDialer _dialer;
    private readonly ILogger _log;
    private readonly long _start;
    private readonly Lock _lock = new();
    private readonly List<OriginConnection> _idle = [];
    private readonly ITimer _sweep;
    private readonly TaskCompletionSource _allClosed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isReachable = true;
    private bool _isClosed;
    private int _open;

    /// <param name="protocol">Of the tunnel, one of <see cref="TunnelTypes"/>.</param>
    /// <exception cref="ArgumentException">A file of the origin's authorities cannot be used.</exception>
    public OriginPool(OriginOptions options, string protocol, OriginMemory memory, TimeProvider time, DeadlineClock clock, ILogger log)
    {
        _options = options;
        _origin = options.Text(protocol);
        _time = time;
        _clock = clock;
        _log = log;
        _dialer = new OriginDialer(options, protocol, memory, time);
        _start = time.GetTimestamp();
        Tied = new TiedConnections(Discard, () => Now);
        _sweep = time.CreateTimer(static state => ((OriginPool)state!).Sweep(), this, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    /// <summary>Connections open now, idle ones included.</summary>
    public int Count => Volatile.Read(ref _open);

    /// <summary>Those that may carry a login, and are not shared.</summary>
    public TiedConnections Tied { get; }

    private TimeSpan Now => _time.GetElapsedTime(_start);

    /// <summary>An idle connection for one request, if there is one that is safe to use for it; otherwise open one.</summary>
    /// <param name="mayRepeat">The request could be sent again if the connection turns out to be dead.</param>
    public OriginConnection? TryTake(bool mayRepeat)
    {
        while (PopIdle(mayRepeat ? KeepFor : TrustFor) is { } idle)
        {
            if (idle.IsQuiet(isSure: !mayRepeat))
            {
                idle.Begin();
                return idle;
            }

            Discard(idle);
        }

        return null;
    }

    /// <summary>A connection nobody has used before.</summary>
    /// <exception cref="DialException">The origin cannot be reached.</exception>
    /// <exception cref="OriginFaultException">It can be reached, but no connection comes about.</exception>
    /// <exception cref="OperationCanceledException">It is not wanted any more.</exception>
    public async ValueTask<OriginConnection> OpenAsync(VisitorAddress visitor, CancellationToken cancel)
    {
        SocketConnection plain;
        IConnection connection;
        try
        {
            (plain, connection) = await _dialer.DialAsync(visitor, cancel);
        }
        catch (Exception error) when (error is DialException or OriginFaultException { Code: not ResetCode.TooBusy })
        {
            string remedy = error is DialException { Failure: DialFailure.Refused } ? " Start it, or compare its address with the port you named." : "";
            TellReachable(false, error.Message + remedy, error is OriginFaultException fault ? fault.Code : OriginFaultLog.CodeOf((DialException)error, _options));
            throw;
        }

        TellReachable(true);
        Interlocked.Increment(ref _open);
        return new OriginConnection(plain, connection, _clock);
    }

    /// <summary>The answer is complete and the connection clean: keeps it for another request.</summary>
    /// <param name="hint">What the origin said of its own patience.</param>
    public void Return(OriginConnection connection, KeepAliveHint hint)
    {
        TimeSpan keepFor = hint.Shorten(KeepFor);
        connection.IsReused = true;

        // Whoever takes it asks the socket too; until then it costs nothing to keep.
        bool isQuiet = !connection.HasUnread;
        lock (_lock)
        {
            // In the order in which they came back, so that the last one is the one idle for the shortest time.
            connection.IdleSince = Now;
            connection.IdleUntil = connection.IdleSince + keepFor;
            if (isQuiet && !_isClosed && _idle.Count < MostIdle && keepFor > TimeSpan.Zero)
            {
                _idle.Add(connection);
                return;
            }
        }

        Discard(connection);
    }

    /// <summary>The connection is of no further use. It closes by itself; <see cref="DisposeAsync"/> waits for that.</summary>
    public void Discard(OriginConnection connection) => _ = CloseAsync(connection);

    /// <summary>Closes what is idle and waits until every connection is closed; exchanges must have ended.</summary>
    public async ValueTask DisposeAsync()
    {
        await _sweep.DisposeAsync();
        List<OriginConnection> idle;
        lock (_lock)
        {
            _isClosed = true;
            idle = [.. _idle];
            _idle.Clear();
        }

        Tied.Close();
        foreach (OriginConnection connection in idle)
        {
            await CloseAsync(connection);
        }

        if (Count > 0)
        {
            await _allClosed.Task;
        }
    }

    // The last one returned comes first: it is the least likely to have been closed, and the others can age. If even that
    // one has been idle for too long, all have.
    private OriginConnection? PopIdle(TimeSpan idleForLess)
    {
        lock (_lock)
        {
            if (_idle.Count == 0 || Now - _idle[^1].IdleSince >= idleForLess || Now >= _idle[^1].IdleUntil)
            {
                return null;
            }

            OriginConnection connection = _idle[^1];
            _idle.RemoveAt(_idle.Count - 1);
            return connection;
        }
    }

    private void Sweep()
    {
        List<OriginConnection>? expired = null;
        TimeSpan now = Now;
        lock (_lock)
        {
            for (int i = _idle.Count - 1; i >= 0; i--)
            {
                if (_idle[i].IdleUntil <= now)
                {
                    (expired ??= []).Add(_idle[i]);
                    _idle.RemoveAt(i);
                }
            }
        }

        expired?.ForEach(Discard);
        Tied.Sweep();
    }

    private async Task CloseAsync(OriginConnection connection)
    {
        try
        {
            await connection.CloseAsync(_clock);
        }
        catch (Exception error)
        {
            // A fault of ours in closing must not keep the agent from stopping.
            AgentLog.RequestFault(_log, error);
        }

        if (Interlocked.Decrement(ref _open) == 0 && Volatile.Read(ref _isClosed))
        {
            _allClosed.TrySetResult();
        }
    }

    // One line when the origin goes, one when it is back; not one per request.
    private void TellReachable(bool isReachable, string reason = "", ResetCode code = default)
    {
        lock (_lock)
        {
            if (_isReachable == isReachable)
            {
                return;
            }

            _isReachable = isReachable;
        }

        if (isReachable)
        {
            AgentLog.OriginReachable(_log, _origin);
        }
        else
        {
            AgentLog.OriginUnreachable(_log, _origin, reason, code.Name());
        }
    }
}

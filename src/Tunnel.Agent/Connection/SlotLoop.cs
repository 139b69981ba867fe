using System.Net;
using Tunnel.Agent.Diagnostics;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;
using Tunnel.Transport;

namespace Tunnel.Agent.Connection;

/// <summary>
/// One of the sessions an agent keeps side by side: opens it, opens the next when it has ended or its server leaves, for
/// ever, with backoff (docs/operating.md, "When the connection is lost"). A session that is on its way out runs on beside its successor.
/// </summary>
internal sealed class SlotLoop(ConnectionServices services, ServerLink server, int slot)
{
    private readonly Backoff _backoff = new(Random.Shared);
    private readonly Patience _patience = new(services.Time);
    private readonly Lock _lock = new();
    private readonly Dictionary<SessionKeeper, Task<SessionEnd>> _keepers = [];
    private readonly TaskCompletionSource _up = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isRetry;
    private volatile SessionKeeper? _current;
    private volatile IPEndPoint? _dialled;
    private volatile ServerFacts _server = new("", null);
    private volatile AgentStatus _status = new(AgentState.Offline, "Connecting.");

    /// <summary>Completes when the tunnel was up for the first time.</summary>
    public Task WhenUp => _up.Task;

    public bool IsConnected => _current is { } keeper && !keeper.Session.Ended.IsCompleted;

    public AgentStatus Status => _current is { } keeper && !keeper.Session.Ended.IsCompleted ? keeper.Status : _status;

    /// <summary>What the server said last.</summary>
    public ServerFacts Server => _server;

    public TimeSpan? RoundTrip => _current?.Session.RoundTrip;

    public int OpenStreams => Keepers().Sum(keeper => keeper.Session.OpenStreams);

    /// <summary>What is connected may not be any more, what waits looks again.</summary>
    public void Poke()
    {
        _patience.Poke();
        foreach (SessionKeeper keeper in Keepers())
        {
            keeper.Poke();
        }
    }

    /// <summary>Runs until stopped, or until the server's refusal is final.</summary>
    /// <param name="stop">Leaves: running requests finish within the grace.</param>
    /// <param name="hurry">Ends the grace at once.</param>
    public async Task<AgentExit> RunAsync(CancellationToken stop, CancellationToken hurry)
    {
        try
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    (SessionKeeper keeper, Task<SessionEnd> life) = await OpenAsync(stop);
                    (string reason, string code, bool isPlanned) = await WatchAsync(keeper, life, stop);
                    await PauseAsync(reason, code, isPlanned, stop);
                }
                catch (NoLinkException error) when (error.Exit is { } exit)
                {
                    Tell(error);
                    return exit;
                }
                catch (NoLinkException error)
                {
                    if (error.RetryAfter is { } after)
                    {
                        _backoff.ServerNamed(after);
                    }

                    await PauseAsync(error.Message, error.Code, isPlanned: error.Code == RejectCodes.Draining, stop);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to stop while dialling or waiting.
        }
        finally
        {
            await EndAllAsync(hurry);
        }

        return AgentExit.Stopped;
    }

    // A session with its tunnel, unless it has ended already, and its life.
    private async Task<(SessionKeeper Keeper, Task<SessionEnd> Life)> OpenAsync(CancellationToken stop)
    {
        if (!_isRetry)
        {
            // Later ones have been announced, with the reason.
            AgentLog.Connecting(services.Log, services.Server);
        }

        IConnection link = await server.DialAsync(stop);
        _dialled = link.RemoteEndPoint;
        SessionKeeper? keeper = null;
        try
        {
            WelcomeMessage welcome = await server.GreetAsync(link, Hello.New(services, slot, _current?.Replacement), stop);
            _server = ServerFacts.Of(welcome);
            AgentLog.Connected(services.Log, services.Server, _server.Software);
            keeper = new SessionKeeper(services, server, slot, welcome, OnGranted);
        }
        finally
        {
            if (keeper is null)
            {
                await link.DisposeAsync();
            }
        }

        Task<SessionEnd> life = Begin(keeper, link);
        await SettleAsync(keeper, life, stop);
        return (keeper, life);
    }

    private async Task SettleAsync(SessionKeeper keeper, Task<SessionEnd> life, CancellationToken stop)
    {
        bool isSettled = false;
        try
        {
            if (await keeper.Tunnels.Settled.WaitAsync(stop) is { } refusal)
            {
                throw refusal;
            }

            isSettled = true;
            if (!keeper.Session.Ended.IsCompleted)
            {
                // Also without any tunnel, if none is wanted at the moment.
                _current = keeper;
                _up.TrySetResult();
            }
        }
        finally
        {
            if (!isSettled)
            {
                keeper.Session.Close(CloseCode.Normal, "the agent has no tunnel");
                await life;
            }
        }
    }

    private void OnGranted(SessionKeeper keeper, AgentTunnel tunnel, TunnelGrant grant)
    {
        if (!keeper.Tunnels.Settled.IsCompleted)
        {
            _current = keeper;
            _up.TrySetResult();
        }

        try
        {
            // What was dialled may be a proxy, and only that knows where the server is.
            services.Events.OnForwarding(tunnel.Options, grant, services.Options.Link.Proxy is null ? _dialled : null);
        }
        catch (Exception error)
        {
            // Whatever becomes of the news: the tunnel is up.
            AgentLog.NewsFault(services.Log, error);
        }
    }

    private void Tell(NoLinkException final)
    {
        if (final.Code == AgentErrors.ServerNotTrusted.Code)
        {
            AgentLog.ServerNotTrusted(services.Log, services.Server, final.Message);
        }
        else
        {
            AgentLog.Refused(services.Log, final.Code, final.Message);
        }
    }

    private Task<SessionEnd> Begin(SessionKeeper keeper, IConnection link)
    {
        lock (_lock)
        {
            foreach (SessionKeeper over in _keepers.Where(old => old.Value.IsCompleted).Select(old => old.Key).ToArray())
            {
                _keepers.Remove(over);
            }

            return _keepers[keeper] = Task.Run(() => keeper.RunAsync(link));
        }
    }

    // Returns when another session is needed, with the reason and its code.
    private async Task<(string Reason, string Code, bool IsPlanned)> WatchAsync(SessionKeeper keeper, Task<SessionEnd> life, CancellationToken stop)
    {
        long since = services.Time.GetTimestamp();
        Task first = await Task.WhenAny(life, keeper.GoingAway, keeper.Tunnels.Lost).WaitAsync(stop);
        _backoff.LinkEnded(services.Time.GetElapsedTime(since), hasCarried: IsLostAtWork(keeper.Session));
        if (first == keeper.Tunnels.Lost)
        {
            // What runs may finish, beside the next session, which asks for the name again.
            UnboundMessage unbound = await keeper.Tunnels.Lost;
            string code = Printable.Of(unbound.Code);
            _current = null;
            keeper.Session.Leave("unbound", reconnect: false, delay: TimeSpan.Zero, services.Options.Grace);
            return ($"The server has taken the name away ({code}).", code, false);
        }

        if (first == keeper.GoingAway && await keeper.GoingAway is { Reconnect: true } goAway)
        {
            // The next session first; this one finishes what runs, beside it.
            _backoff.ServerNamed(TimeSpan.FromMilliseconds(goAway.Delay));
            return ($"The server at {services.Server} leaves ({Printable.Of(goAway.Reason)}).", AgentErrors.Draining.Code, true);
        }

        SessionEnd end = await life.WaitAsync(stop);
        if (keeper.Refusal is { Exit: not null } refusal)
        {
            throw refusal;
        }

        if (keeper.Refusal is not null)
        {
            // It was there a moment ago.
            _backoff.ServerNamed(TimeSpan.Zero);
        }

        if (end is { Kind: SessionEndKind.ClosedByPeer, Code: CloseCode.Replaced })
        {
            services.Self.BecomeSomebodyElse();
        }

        return (Describe(end), end.Kind == SessionEndKind.LinkLost ? AgentErrors.LinkLost.Code : end.Code.ErrorCode(), false);
    }

    // It ended with its link, and had served somebody. Whoever was sent away is not to come back the faster for it.
    private static bool IsLostAtWork(Session session) =>
        session.Ended is { IsCompletedSuccessfully: true, Result.Kind: SessionEndKind.LinkLost } && session.Account.Opened > 0;

    private string Describe(SessionEnd end) => end.Kind switch
    {
        SessionEndKind.LinkLost => $"The connection to {services.Server} was lost. {Printable.Of(end.Message)}",
        SessionEndKind.ClosedByPeer => $"The server closed the session ({end.Code.Name()}): {Printable.Of(end.Message)}.",
        _ => Printable.Of(end.Message),
    };

    private async Task PauseAsync(string reason, string code, bool isPlanned, CancellationToken stop)
    {
        _isRetry = true;
        TimeSpan delay = _backoff.Next();
        _status = new AgentStatus(AgentState.Offline, reason, services.Time.GetUtcNow() + delay);
        if (isPlanned)
        {
            // Nothing is wrong: the session that leaves finishes what runs.
            AgentLog.Moving(services.Log, reason, delay.TotalSeconds);
        }
        else
        {
            AgentLog.Reconnecting(services.Log, reason, delay.TotalSeconds, code);
        }

        await _patience.WaitAsync(delay, stop);
    }

    // Sessions finish what runs; without a link and without work there is nothing to wait for.
    private async Task EndAllAsync(CancellationToken hurry)
    {
        foreach (SessionKeeper keeper in Keepers())
        {
            keeper.Session.Leave("shutdown", reconnect: false, delay: TimeSpan.Zero, services.Options.Grace);

            // Not for want of a link alone: one that has just been welcomed takes its first link in this moment, and the
            // server may have opened streams on it. Nor while the server may lack the end of an answer: that is sent again.
            if (keeper.Status.State == AgentState.Reconnecting && !keeper.Session.IsBusy)
            {
                keeper.Session.Close(CloseCode.Normal, "the agent stops");
            }
        }

        await using CancellationTokenRegistration close = hurry.UnsafeRegister(
            static state =>
            {
                foreach (SessionKeeper keeper in ((SlotLoop)state!).Keepers())
                {
                    keeper.Session.Close(CloseCode.Normal, "the agent stops");
                }
            },
            this);
        Task<SessionEnd>[] lives;
        lock (_lock)
        {
            lives = [.. _keepers.Values];
        }

        await Task.WhenAll(lives);
        _current = null;
    }

    private SessionKeeper[] Keepers()
    {
        lock (_lock)
        {
            return [.. _keepers.Where(keeper => !keeper.Value.IsCompleted).Select(keeper => keeper.Key)];
        }
    }
}

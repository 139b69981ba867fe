using System.Collections.Immutable;
using System.Threading.Channels;
using Tunnel.Agent.Diagnostics;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;

namespace Tunnel.Agent.Connection;

/// <summary>
/// Keeps the wanted tunnels bound on one session: asks for each by itself, follows when others are wanted, and asks again, in
/// its own time, for one that was refused or taken away. The others notice nothing of it.
/// </summary>
/// <remarks>One loop owns all of it; what the server says comes in by a queue, which the session's flood limit bounds.</remarks>
/// <param name="granted">The tunnel can be used; called from the loop.</param>
internal sealed class SessionTunnels(ConnectionServices services, ServerLink server, int slot, Session session, Action<AgentTunnel, TunnelGrant> granted)
{
    /// <summary>A server asks the holder of a name for some seconds, and answers.</summary>
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(60);

    /// <summary>What only somebody's hand can change is not asked for more often.</summary>
    private static readonly TimeSpan FinalTime = TimeSpan.FromSeconds(60);

    /// <summary>BINDs under way, and UNBINDs behind them: the server lets 128 of both wait for their turn.</summary>
    private const int MostAsked = 32;

    private const int MostDropped = 64;

    private readonly Channel<object> _news = Channel.CreateUnbounded<object>(new UnboundedChannelOptions { SingleReader = true });
    private readonly SortedDictionary<uint, TunnelOnSession> _tunnels = [];
    private int _asked;
    private int _dropped;
    private int _forgotten;
    private readonly TaskCompletionSource<NoLinkException?> _settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<UnboundMessage> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when a tunnel is bound, with null, or none was, with the reason; also when the session has ended.</summary>
    public Task<NoLinkException?> Settled => _settled.Task;

    /// <summary>Completes when the server has taken the last tunnel away.</summary>
    public Task<UnboundMessage> Lost => _lost.Task;

    /// <summary>An answer to BIND. Never blocks.</summary>
    public void OnBound(BoundMessage message) => _news.Writer.TryWrite(message);

    /// <summary>A tunnel was taken away. Never blocks.</summary>
    public void OnUnbound(UnboundMessage message) => _news.Writer.TryWrite(message);

    /// <summary>Runs until the session is over.</summary>
    public async Task RunAsync(CancellationToken over)
    {
        try
        {
            while (!over.IsCancellationRequested)
            {
                Task changed = services.Tunnels.WhenChangedAsync();
                Follow(services.Tunnels.Wanted);
                Settle();
                await WaitAsync(changed, over);
                TakeAll();
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // The session has ended, and all its tunnels with it.
        }
        finally
        {
            // A name that was granted is ours, however short the session was.
            TakeAll();
            _settled.TrySetResult(null);
            foreach (TunnelOnSession bound in _tunnels.Values.Where(tunnel => tunnel.IsBound))
            {
                bound.Unbind("");
            }
        }
    }

    private async Task WaitAsync(Task changed, CancellationToken over)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(over);
        Task news = _news.Reader.WaitToReadAsync(timer.Token).AsTask();
        Task due = Task.Delay(NextDue() ?? Timeout.InfiniteTimeSpan, services.Time, timer.Token);
        await Task.WhenAny(news, changed, due);
        await timer.CancelAsync();
        over.ThrowIfCancellationRequested();
    }

    private TimeSpan? NextDue()
    {
        long now = services.Time.GetTimestamp();
        TimeSpan? next = null;
        foreach (TunnelOnSession tunnel in _tunnels.Values)
        {
            // While too much is under way it is an answer that goes on, not a time.
            TimeSpan? left = tunnel.NextTry is { } at ? (MaySend ? services.Time.GetElapsedTime(now, at) : null)
                : tunnel.Asks > 0 && tunnel.Refusal is null ? AnswerTime - services.Time.GetElapsedTime(tunnel.AskedAt, now)
                : null;
            next = left < next || next is null ? left ?? next : next;
        }

        return next < TimeSpan.Zero ? TimeSpan.Zero : next;
    }

    private void Follow(ImmutableArray<AgentTunnel> wanted)
    {
        foreach (uint id in _tunnels.Keys.Where(id => !wanted.Any(tunnel => tunnel.Id == id)).ToArray())
        {
            if (MaySend)
            {
                Drop(id);
            }
        }

        long now = services.Time.GetTimestamp();
        foreach (AgentTunnel tunnel in wanted)
        {
            if (!_tunnels.TryGetValue(tunnel.Id, out TunnelOnSession? known))
            {
                // The first session gets the name that the server chooses; the others ask for that.
                if (MaySend && (slot == 0 || tunnel.HasName))
                {
                    Ask(_tunnels[tunnel.Id] = new TunnelOnSession(tunnel), now);
                }
            }
            else if (known is { Asks: > 0, Refusal: null })
            {
                // What it is to become meanwhile is asked when this is answered.
                if (services.Time.GetElapsedTime(known.AskedAt, now) >= AnswerTime)
                {
                    Refuse(known, new NoLinkException(AgentErrors.BindTimeout.Code, $"{services.Server} has not answered for {AnswerTime.TotalSeconds:0} seconds whether it serves the tunnel."));
                }
            }
            else if (MaySend && (known.Tunnel != tunnel || known.NextTry <= now))
            {
                known.Become(tunnel);
                Ask(known, now);
            }
        }
    }

    // Who sends more than the server's turn takes is a flood to it.
    private bool MaySend => _asked < MostAsked && _dropped < MostDropped;

    private void Ask(TunnelOnSession tunnel, long now)
    {
        _asked++;
        tunnel.Asks++;
        tunnel.AskedAt = now;
        tunnel.NextTry = null;
        tunnel.Refusal = null;
        session.Send(FrameKind.Bind, tunnel.Tunnel.Request);
    }

    private void Drop(uint id)
    {
        _tunnels.Remove(id, out TunnelOnSession? dropped);
        _forgotten += dropped!.Asks;
        _dropped += _asked > 0 ? 1 : 0;
        session.Send(FrameKind.Unbind, new UnbindMessage { Id = id });
        dropped.Unbind("");
    }

    // Every BIND is answered, also those for a tunnel that was dropped meanwhile.
    private void Answered()
    {
        if (--_asked == 0)
        {
            _dropped = 0;
        }
    }

    private void TakeAll()
    {
        while (_news.Reader.TryRead(out object? news))
        {
            Take(news);
        }
    }

    private void Take(object news)
    {
        if (news is BoundMessage bound)
        {
            if (_tunnels.TryGetValue(bound.Id, out TunnelOnSession? asked) && asked.Asks > 0)
            {
                Answered();
                if (--asked.Asks == 0)
                {
                    TakeAnswer(asked, bound);
                }
            }
            else if (_forgotten > 0)
            {
                _forgotten--;
                Answered();
            }
        }
        else if (news is UnboundMessage unbound && _tunnels.TryGetValue(unbound.Id, out TunnelOnSession? lost))
        {
            TakeAway(lost, unbound);
        }
    }

    private void TakeAnswer(TunnelOnSession tunnel, BoundMessage bound)
    {
        if (bound.ToGrant() is not { } grant)
        {
            Refuse(tunnel, server.Refused(new RejectMessage { Code = bound.Code!, Message = bound.Message!, Retry = bound.Retry ?? false }, tunnel.Tunnel.HeldName is not null));
            return;
        }

        tunnel.Bind(grant.Url);
        services.Tunnels.Named(tunnel.Tunnel, grant.Name);
        granted(tunnel.Tunnel, grant);
    }

    private void TakeAway(TunnelOnSession tunnel, UnboundMessage unbound)
    {
        string reason = Printable.Of(unbound.Message);
        AgentLog.TunnelLost(services.Log, tunnel.Tunnel.Title, reason, Printable.Of(unbound.Code));
        tunnel.Unbind(reason);
        if (!_tunnels.Values.Any(other => other.IsBound))
        {
            _lost.TrySetResult(unbound);
            return;
        }

        tunnel.NextTry = In(tunnel.Backoff.Next());
    }

    private void Refuse(TunnelOnSession tunnel, NoLinkException refusal)
    {
        if (refusal.RetryAfter is { } after)
        {
            tunnel.Backoff.ServerNamed(after);
        }

        TimeSpan delay = tunnel.Backoff.Next();
        delay = refusal.Exit is null || delay > FinalTime ? delay : FinalTime;
        tunnel.Refusal = refusal;
        tunnel.NextTry = In(delay);
        if (tunnel.IsBound)
        {
            AgentLog.TunnelNotChanged(services.Log, tunnel.Tunnel.Title, refusal.Message, refusal.Code);
            return;
        }

        tunnel.Unbind(refusal.Message);

        // What concerns all of them is told by whoever ends the session for it.
        if (_tunnels.Count > 1)
        {
            AgentLog.TunnelRefused(services.Log, tunnel.Tunnel.Title, refusal.Message, delay.TotalSeconds, refusal.Code);
        }
    }

    private void Settle()
    {
        if (_tunnels.Count == 0 || _tunnels.Values.Any(tunnel => tunnel.IsBound))
        {
            _settled.TrySetResult(null);
        }
        else if (_tunnels.Values.All(tunnel => tunnel.Refusal is not null))
        {
            // One that may be had later is reason enough to go on.
            NoLinkException[] refusals = [.. _tunnels.Values.Select(tunnel => tunnel.Refusal!)];
            _settled.TrySetResult(Array.Find(refusals, refusal => refusal.Exit is null) ?? refusals[0]);
        }
    }

    private long In(TimeSpan delay) => services.Time.GetTimestamp() + (long)(delay.TotalSeconds * services.Time.TimestampFrequency);
}

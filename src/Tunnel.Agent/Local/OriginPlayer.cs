using System.Buffers;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Http.Heads;

namespace Tunnel.Agent.Local;

/// <summary>
/// Plays the streams of one session to the origins of its tunnels, each in an exchange of its own. Owns the exchanges:
/// <see cref="WhenIdleAsync"/> completes when none runs any more.
/// </summary>
/// <param name="watch">Is shown every exchange; null: nobody watches.</param>
internal sealed class OriginPlayer(ITunnels tunnels, OriginMemory memory, HttpLimits limits, ISessionNews news, IExchangeWatch? watch) : ISessionUser
{
    /// <summary>Exchange objects kept for the next request.</summary>
    private const int MostSpare = 256;

    private readonly Lock _lock = new();
    private readonly Stack<OriginExchange> _spare = new();
    private TaskCompletionSource? _idle;
    private int _running;

    /// <summary>Requests under way.</summary>
    public int Running => Volatile.Read(ref _running);

    void ISessionUser.OnStream(TunnelStream stream)
    {
        if (stream.Open.Request.HasFlag(RequestTraits.ConnectionEnded))
        {
            tunnels.EndTied(new ConnectionTie(this, stream.Open.Connection));
            stream.Output.Complete();
            stream.Dispose();
            return;
        }

        IServedTunnel? tunnel = tunnels.Find(stream.Open.TunnelId);
        if (tunnel is null || stream.Open.Type != (tunnel.IsRaw ? StreamType.Raw : StreamType.Http))
        {
            stream.Abort(ResetCode.TunnelUnknown);
            stream.Dispose();
            return;
        }

        if (tunnel.IsRaw)
        {
            lock (_lock)
            {
                _running++;
            }

            RawExchange.Start(tunnel.Origin, stream, watch?.Begin(stream.Open), () => Ended(null));
            return;
        }

        OriginExchange? exchange;
        lock (_lock)
        {
            _running++;
            _spare.TryPop(out exchange);
        }

        exchange ??= new OriginExchange(memory, limits, this);
        exchange.Start(stream, tunnel, watch?.Begin(stream.Open));
    }

    void ISessionUser.OnMessage(FrameKind kind, in ReadOnlySequence<byte> payload)
    {
        if (kind == FrameKind.Bound)
        {
            news.OnBound(JsonMessages.Read<BoundMessage>(payload));
        }
        else
        {
            news.OnUnbound(JsonMessages.Read<UnboundMessage>(payload));
        }
    }

    void ISessionUser.OnGoAway(GoAwayMessage message) => news.OnGoAway(message);

    /// <summary>Completes when no exchange runs. Call it once the session has ended.</summary>
    public Task WhenIdleAsync()
    {
        lock (_lock)
        {
            if (_running == 0)
            {
                return Task.CompletedTask;
            }

            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _idle.Task;
        }
    }

    /// <summary>The session is over and none of its exchanges runs: what was kept for its visitors is closed.</summary>
    public void Close() => tunnels.EndTied(this);

    /// <summary>An exchange has ended; one that may serve another stream is kept.</summary>
    public void Ended(OriginExchange? exchange)
    {
        TaskCompletionSource? idle = null;
        lock (_lock)
        {
            if (--_running == 0)
            {
                idle = _idle;
            }

            if (exchange is not null && _spare.Count < MostSpare)
            {
                _spare.Push(exchange);
            }
        }

        idle?.SetResult();
    }
}

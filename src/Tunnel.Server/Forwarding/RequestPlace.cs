using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Http.Heads;
using Tunnel.Server.Edge;
using Tunnel.Server.Guards;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// Step 3 for one request after the other: the session a request goes to, its wait at the name, and its move to another
/// session when the first did not take it. Belongs to the exchange.
/// </summary>
internal sealed class RequestPlace(TunnelRegistry registry, VisitorMemory memory)
{
    /// <summary>No session changes so often in the time a request may wait; whatever does this is broken.</summary>
    private const int MostMoves = 16;

    private ServedTunnel? _tunnel;
    private TunnelStream? _stream;
    private TunnelHolder? _refused;
    private TimeSpan _arrivedAt;

    /// <summary>The tunnel that has the request, after <see cref="TakeAsync"/> returned null.</summary>
    public ServedTunnel Tunnel => _tunnel!;

    /// <summary>Its stream, the caller's to dispose.</summary>
    public TunnelStream Stream => _stream!;

    /// <summary>Sessions that had the request before.</summary>
    public int Moves { get; private set; }

    /// <summary>The session that had the request has not looked at it.</summary>
    public bool MustMove { get; private set; }

    /// <summary>The next request arrives.</summary>
    public void Begin()
    {
        _arrivedAt = registry.Now;
        _refused = null;
        Moves = -1;
        MustMove = false;
    }

    /// <summary>Finds a session and opens a stream there; waits for one if need be. Returns why there is none.</summary>
    public async ValueTask<EdgeError?> TakeAsync(VisitorConnection visitor, RequestHead head, VisitorFacts facts)
    {
        Moves++;
        MustMove = false;
        if (!memory.HasRoomFor(facts.Address))
        {
            return EdgeError.TooBusy;
        }

        bool isLogin = LoginRule.Judge(visitor, head, out ConnectionLogin? login);
        RequestTraits traits = TraitsOf(head) | (isLogin ? RequestTraits.HasConnectionLogin : RequestTraits.None);
        var open = new OpenHeader(StreamType.Http, facts.Scheme, TunnelId: 0, facts.Address, AnswerWindow: 0, traits)
        {
            Connection = login?.Number ?? 0,
        };
        var request = new RouteRequest(open, TunnelTypes.Http, _arrivedAt, head.Bytes, _refused) { Login = login };
        Route route = registry.Find(head.HostName, request, out HeldRequest? held);
        while (route.Guard is { } guard)
        {
            if (await JudgeAsync(guard, head, facts) is { } denial)
            {
                return denial;
            }

            route = registry.Find(head.HostName, request with { AdmittedBy = guard }, out held);
        }

        if (held is not null)
        {
            route = await visitor.Ties.WaitAsync(held, visitor.Input);
            if (route.Stream is { } late && !memory.HasRoomFor(facts.Address))
            {
                // Many may have waited for the same agent.
                late.Dispose();
                return EdgeError.TooBusy;
            }
        }

        if (route.Stream is null)
        {
            return route.Outcome switch
            {
                RouteOutcome.NotFound => EdgeError.TunnelNotFound,
                RouteOutcome.TooBusy => EdgeError.TooBusy,
                _ => EdgeError.AgentOffline,
            };
        }

        _tunnel = route.Tunnel;
        _stream = route.Stream;
        if (login is not null)
        {
            login.Tunnel = _tunnel;
        }

        return null;
    }

    /// <summary>The tunnel's own rules for the request it has: whoever they keep out never reaches the agent. Null: it may pass.</summary>
    public ValueTask<EdgeError?> JudgeAsync(RequestHead head, VisitorFacts facts) =>
        Tunnel.Guard is { } guard ? JudgeAsync(guard, head, facts) : default;

    /// <summary>The stream ended before its answer began.</summary>
    public void Failed(ResetCode code)
    {
        if (code.IsOriginAbsent())
        {
            Tunnel.OriginRefused(registry.Now);
        }

        MustMove = code == ResetCode.NotProcessed && Moves < MostMoves;

        // An OPEN that has left was seen and refused: the same session would refuse it again.
        _refused = Stream.Id != 0 ? Tunnel.Holder : null;
    }

    /// <summary>The origin behind the tunnel is there.</summary>
    public void Answered() => Tunnel.OriginRefused(null);

    /// <summary>The exchange is through with the stream: whoever waits at the name may have its slot.</summary>
    public void Leave()
    {
        if (_tunnel is { } tunnel)
        {
            registry.Release(tunnel.Name);
        }

        Reset();
    }

    private static ValueTask<EdgeError?> JudgeAsync(VisitorGuard guard, RequestHead head, VisitorFacts facts)
    {
        head.Headers.TryGet(KnownHeader.Authorization, out ReadOnlySpan<byte> authorization);
        return guard.JudgeAsync(facts.Address.ToIPAddress() ?? facts.Peer, authorization);
    }

    private static RequestTraits TraitsOf(RequestHead head) =>
        (head.Framing.HasContent ? RequestTraits.HasContent : 0)
        | (head.WantsUpgrade ? RequestTraits.WantsUpgrade : 0)
        | (head.Method == RequestMethod.Head ? RequestTraits.HeadOnly : 0)
        | (head.Method.IsIdempotent ? RequestTraits.IsIdempotent : 0);

    /// <summary>Forgets whom it knew.</summary>
    public void Reset()
    {
        _tunnel = null;
        _stream = null;
        _refused = null;
    }
}

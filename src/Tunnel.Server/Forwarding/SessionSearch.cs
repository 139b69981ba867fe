using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Http.Heads;
using Tunnel.Server.Guards;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// Step 3 for one request after the other: the session a request goes to, its wait at the name, and its move to another
/// session when the first did not take it. Belongs to the exchange.
/// </summary>
internal sealed class SessionSearch(ForwardingServices services)
{
    /// <summary>No session changes so often in the time a request may wait; whatever does this is broken.</summary>
    private const int MostMoves = 16;

    private readonly TunnelRegistry _registry = services.Registry;
    private readonly VisitorMemory _memory = services.Memory;
    private ServedTunnel? _tunnel;
    private ITunnelStream? _stream;
    private IServingSession? _refused;
    private TimeSpan _arrivedAt;
    private bool _hasEnded;

    // Part of a login that lives on its connection: on another session's it would be somebody who has not logged in.
    private bool _isTied;

    /// <summary>The tunnel that has the request, after <see cref="TakeAsync"/> returned null.</summary>
    public ServedTunnel Tunnel => _tunnel!;

    /// <summary>Its stream, the caller's to dispose.</summary>
    public ITunnelStream Stream => _stream!;

    /// <summary>Sessions that had the request before.</summary>
    public int Moves { get; private set; }

    /// <summary>
    /// The session that had the request has not looked at it, or is away and the request may be repeated: it goes to another
    /// one.
    /// </summary>
    public bool MustMove { get; private set; }

    /// <summary>
    /// The request goes, or went, to another session although the first may have looked at it. That happens once, so that
    /// what kills its agent does not kill all of them.
    /// </summary>
    public bool IsRepeated { get; private set; }

    /// <summary>
    /// What may reach the origin again later, behind newer requests, when the link of its session is back. Anything that
    /// writes could undo what was written since.
    /// </summary>
    public static bool MayRunTwice(RequestMethod method) =>
        method is RequestMethod.Get or RequestMethod.Head or RequestMethod.Options;

    /// <summary>The next request arrives.</summary>
    public void Begin()
    {
        _arrivedAt = _registry.Now;
        _refused = null;
        Moves = -1;
        MustMove = false;
        IsRepeated = false;
        _hasEnded = false;
    }

    /// <summary>Finds a session and opens a stream there; waits for one if need be. Returns why there is none.</summary>
    public async ValueTask<EdgeError?> TakeAsync(IVisitorRequest visitor, RequestHead head, VisitorFacts facts)
    {
        Moves++;
        MustMove = false;
        if (!_memory.HasRoomFor(facts.Address))
        {
            return EdgeError.TooBusy;
        }

        if (_hasEnded && _registry.IsServedBeside(Tunnel, nowOnly: false))
        {
            // Its successor has taken the name, and may have its link in a moment.
            _hasEnded = false;
            _arrivedAt = _registry.Now;
        }

        _isTied = LoginRule.Judge(services, visitor.Lifetime, facts, head, out ConnectionLogin? login);
        RequestTraits traits = TraitsOf(head) | (_isTied ? RequestTraits.HasConnectionLogin : RequestTraits.None);
        var open = new OpenHeader(StreamType.Http, facts.Scheme, TunnelId: 0, facts.Address, AnswerWindow: 0, traits)
        {
            Connection = login?.Number ?? 0,
        };
        var request = new RouteRequest(open, TunnelTypes.Http, _arrivedAt, head.Bytes, _refused) { Login = login };
        Route route = _registry.Find(head.HostName, request, out WaitingRequest? held);
        while (route.Guard is { } guard)
        {
            if (await JudgeAsync(guard, head, facts) is { } denial)
            {
                return denial;
            }

            route = _registry.Find(head.HostName, request with { AdmittedBy = guard }, out held);
        }

        EdgeError? page = route.Stream is null && !IsRepeated ? services.Pages.Find(head, isKnown: held is not null || route.Outcome != RouteOutcome.NotFound) : null;
        if (held is not null && page is not null)
        {
            // Somebody may have come in this moment.
            held.Cancel();
            route = await held.Released;
        }
        else if (held is not null)
        {
            route = await visitor.Lifetime.WaitAsync(held, visitor);
            if (route.Stream is { } late && !_memory.HasRoomFor(facts.Address))
            {
                // Many may have waited for the same agent.
                late.Dispose();
                return EdgeError.TooBusy;
            }
        }

        if (route.Stream is null)
        {
            return page ?? route.Outcome switch
            {
                _ when IsRepeated => EdgeError.SessionLost,
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
    /// <param name="mayRepeat">The request has the same effect when it is played a second time.</param>
    public void Failed(ResetCode code, bool mayRepeat)
    {
        if (code.IsOriginAbsent())
        {
            Tunnel.OriginRefused(_registry.Now);
        }

        _hasEnded = code == ResetCode.SessionLost;
        if (_hasEnded && mayRepeat && !IsRepeated && !_isTied)
        {
            Repeat();
            return;
        }

        MustMove = code == ResetCode.NotProcessed && Moves < MostMoves;

        // An OPEN that has left was seen and refused: the same session would refuse it again.
        _refused = Stream.Id != 0 ? Tunnel.Session : null;
    }

    /// <summary>
    /// What becomes of a request whose answer has not begun, when its session has no link. One that moves is on its way with
    /// the next <see cref="TakeAsync"/>.
    /// </summary>
    /// <param name="mayRepeat">It is whole and at hand, and may run a second time, at any time later.</param>
    public DetachedVerdict JudgeDetached(ITunnelStream stream, bool mayRepeat)
    {
        if (Tunnel.Session.IsAttached)
        {
            return DetachedVerdict.Waits;
        }

        if (mayRepeat && !IsRepeated && !_isTied && _registry.IsServedBeside(Tunnel, nowOnly: true))
        {
            Repeat();
            return DetachedVerdict.Moves;
        }

        // Its agent has most likely never heard of it: for the visitor that is as if it had not been sent.
        return _registry.IsOverdue(_arrivedAt) && !stream.HasReachedPeer ? DetachedVerdict.GivesUp : DetachedVerdict.Waits;
    }

    /// <summary>The origin behind the tunnel is there.</summary>
    public void Answered() => Tunnel.OriginRefused(null);

    /// <summary>The exchange is through with the stream: whoever waits at the name may have its slot.</summary>
    public void Leave()
    {
        if (_tunnel is { } tunnel)
        {
            _registry.Release(tunnel.Name);
        }

        Reset();
    }

    private void Repeat()
    {
        IsRepeated = true;
        MustMove = true;
        _refused = Tunnel.Session;
    }

    private static ValueTask<EdgeError?> JudgeAsync(VisitorGuard guard, RequestHead head, VisitorFacts facts)
    {
        head.Headers.TryGet(KnownHeader.Authorization, out ReadOnlySpan<byte> authorization);
        return ExplainAsync(guard, guard.JudgeAsync(facts.Address.ToIPAddress() ?? facts.Peer, authorization));
    }

    private static async ValueTask<EdgeError?> ExplainAsync(VisitorGuard guard, ValueTask<GuardVerdict> verdict) =>
        EdgeError.Of(await verdict, guard);

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

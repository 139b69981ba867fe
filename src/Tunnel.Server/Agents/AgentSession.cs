using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Net;
using System.Security.Cryptography;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;
using Tunnel.Framing.Sessions;
using Tunnel.Hosting;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Identity;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Agents;

/// <summary>
/// One agent's session, over as many links as it takes, and the tunnels it serves. Owns their entries in the registry.
/// Once <see cref="Begin"/> was called it ends by its session alone; <see cref="Life"/> completes then.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The life of the session is the end of it.")]
internal sealed class AgentSession : ISessionUser
{
    /// <summary>So much longer than its visitors a session has when the server stops.</summary>
    private static readonly TimeSpan ForVisitorsToEnd = TimeSpan.FromSeconds(1);

    private readonly AgentServices _services;
    private readonly IPAddress _address;
    private readonly BindQueue _binds;
    private readonly Lock _lock = new();
    private readonly Dictionary<uint, ServedTunnel> _tunnels = [];
    private bool _hasEnded;

    /// <param name="hello">What the agent said of itself.</param>
    /// <param name="identity">Whom it acts for.</param>
    /// <param name="address">Where it came from first.</param>
    /// <param name="replaces">The session it comes after, proved.</param>
    public AgentSession(AgentServices services, HelloMessage hello, AgentIdentity identity, IPEndPoint address, AgentSession? replaces)
    {
        _services = services;
        _address = address.Address;
        _binds = new BindQueue(this, new TunnelClaims(services));
        Session = new Session(LinkRole.Server, services.Session.AgreeWith(hello.Streams, hello.UploadWindow), this);
        Holder = new TunnelHolder(
            Session, identity, new AgentInstance(hello.Instance, hello.Run, hello.Slot ?? 0), address.ToString(), services.Session.Time)
        {
            Replaces = replaces?.Session,
        };
    }

    public string Id { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>What later dials of this agent prove themselves with.</summary>
    public ResumeSecret Secret { get; } = ResumeSecret.Create();

    public AttachOrder Order { get; } = new();

    public Session Session { get; }

    public TunnelHolder Holder { get; }

    /// <summary>
    /// WELCOME is on its way, so an agent may know of the session and ask for it. What was refused before is nobody's, and
    /// not worth a memory of its end.
    /// </summary>
    public bool IsIntroduced { get; private set; }

    /// <summary>It counts as one of the sessions there may be; <see cref="SessionPlaces"/> sees to it.</summary>
    public bool HasPlace { get; set; }

    /// <summary>Completes when the session has ended and nothing of it is left.</summary>
    public Task Life { get; private set; } = Task.CompletedTask;

    /// <summary>What it serves.</summary>
    public IReadOnlyList<ServedTunnel> Tunnels
    {
        get
        {
            lock (_lock)
            {
                return [.. _tunnels.Values];
            }
        }
    }

    /// <summary>The session begins to live; without a link so far.</summary>
    public void Begin()
    {
        _services.Directory.Add(this);
        _services.Metrics.SessionChanged(+1);
        Life = LiveAsync();
    }

    /// <summary>Carries the session over a link until that link is lost or the session ends.</summary>
    public Task<bool> ServeAsync(IDuplexPipe link, ulong peerCount) => Session.AttachAsync(link, peerCount);

    /// <summary>The session does not come about, or must not go on.</summary>
    public void Close(CloseCode code, string reason) => Session.Close(code, reason);

    /// <summary>
    /// Says that the server leaves. One that nobody is attached to and that has nothing to finish ends at once.
    /// </summary>
    public void Leave(TimeSpan grace)
    {
        // Whoever stops ends the visitors first, and then the session: to a visitor it would look lost if it were as fast.
        Session.Leave("shutdown", reconnect: true, delay: TimeSpan.Zero, grace + ForVisitorsToEnd);
        if (!Session.IsAttached && Session.OpenStreams == 0)
        {
            Session.Close(CloseCode.Normal, "the server stops");
        }
    }

    /// <inheritdoc cref="IsIntroduced"/>
    public void Introduce() => IsIntroduced = true;

    /// <summary>Whether <see cref="TryAdopt"/> would take it now.</summary>
    public bool CanAdopt(ServedTunnel tunnel)
    {
        lock (_lock)
        {
            return MayAdopt(tunnel);
        }
    }

    /// <summary>
    /// Serves a tunnel that has been claimed, in place of what it served under that name before; false when the session has ended, has
    /// as many as it may have, or has another tunnel of this number.
    /// </summary>
    public bool TryAdopt(ServedTunnel tunnel)
    {
        bool isNew;
        lock (_lock)
        {
            if (!MayAdopt(tunnel))
            {
                return false;
            }

            ServedTunnel? before = FindNamed(tunnel.Name);
            isNew = before is null;
            if (before is not null)
            {
                _tunnels.Remove(before.Id);
            }

            _tunnels.Add(tunnel.Id, tunnel);
            tunnel.WasServed = true;
        }

        if (isNew)
        {
            ServerLog.TunnelUp(_services.Log, tunnel.Name, Holder.Caption);
            if (_services.Addresses.LacksCertificate(tunnel.Name, tunnel.Type))
            {
                ServerLog.NameNotCovered(_services.Log, tunnel.Name);
            }
        }

        _services.Registry.Release(tunnel.Name);
        return true;
    }

    /// <summary>Tells the agent what became of a BIND.</summary>
    public void Answer(BoundMessage bound)
    {
        if (bound.Code is { } code && _services.Refusals.Due(_address, $"{code} {Holder.Identity.Name}") is > 0 and int count)
        {
            ServerLog.AgentRefused(_services.Log, Holder.Caption, bound.Message ?? "", count, code);
        }

        Session.Send(FrameKind.Bound, bound);
    }

    /// <summary>The agent wants one of its tunnels no more; nothing happens when it has none of this number.</summary>
    public void Drop(uint id)
    {
        ServedTunnel? tunnel;
        lock (_lock)
        {
            _tunnels.Remove(id, out tunnel);
        }

        if (tunnel is not null)
        {
            _services.Registry.Unbind(tunnel);
            ServerLog.TunnelDown(_services.Log, tunnel.Name, "the agent dropped it");
        }
    }

    /// <summary>Whether it serves nothing but these.</summary>
    public bool HasOnly(IReadOnlyCollection<ServedTunnel> tunnels)
    {
        lock (_lock)
        {
            return _tunnels.Values.All(tunnels.Contains);
        }
    }

    /// <summary>Some of its names are not its own any more: the agent is told by UNBOUND, and the session goes on.</summary>
    /// <param name="code">One of <see cref="RejectCodes"/>.</param>
    public void Lose(IReadOnlyCollection<ServedTunnel> lost, string code, string reason)
    {
        List<ServedTunnel> gone;
        lock (_lock)
        {
            gone = [.. _tunnels.Values.Where(lost.Contains)];
            gone.ForEach(tunnel => _tunnels.Remove(tunnel.Id));
        }

        foreach (ServedTunnel tunnel in gone)
        {
            _services.Registry.Unbind(tunnel);
            ServerLog.TunnelDown(_services.Log, tunnel.Name, reason);
            Session.Send(FrameKind.Unbound, new UnboundMessage { Id = tunnel.Id, Code = code, Message = TunnelClaims.Sentence(reason) });
        }
    }

    void ISessionUser.OnStream(TunnelStream stream) => stream.Dispose();

    void ISessionUser.OnMessage(FrameKind kind, in ReadOnlySequence<byte> payload)
    {
        if (kind == FrameKind.Bind)
        {
            _binds.Add(JsonMessages.Read<TunnelRequest>(payload), payload.Length);
        }
        else if (kind == FrameKind.Unbind)
        {
            _binds.Add(JsonMessages.Read<UnbindMessage>(payload), payload.Length);
        }
    }

    void ISessionUser.OnGoAway(GoAwayMessage message) => Release("the agent leaves");

    void ISessionUser.OnAttached()
    {
        Holder.Attached();
        foreach (ServedTunnel tunnel in Tunnels)
        {
            _services.Registry.Release(tunnel.Name);
        }
    }

    void ISessionUser.OnDetached(string reason)
    {
        Holder.Detached();
        ServerLog.SessionDetached(_services.Log, Holder.Caption, Printable.Of(reason), _services.Session.ResumeWindow.TotalSeconds);
    }

    /// <summary>Tokens have changed: the session ends if it may not go on, and a name that it may not serve any more is lost to it.</summary>
    public void EndUnlessAllowed()
    {
        if (_services.Gate.FindEnd(Holder.Identity) is { } end)
        {
            ServerLog.SessionRevoked(_services.Log, Holder.Caption, end);
            Close(CloseCode.Revoked, end);
            return;
        }

        foreach (ServedTunnel tunnel in Tunnels)
        {
            if (_services.Gate.Judge(Holder.Identity, tunnel.Name) is { } reason)
            {
                Lose([tunnel], RejectCodes.NameRefused, reason);
            }
        }
    }

    private async Task LiveAsync()
    {
        string reason = "the session ended by a fault";
        try
        {
            Task<SessionEnd> running = Session.RunAsync();
            await Task.WhenAll(running, _binds.RunAsync());
            SessionEnd end = await running;
            reason = Describe(end);
            if (end.Kind == SessionEndKind.ClosedHere && end.Code is not (CloseCode.Normal or CloseCode.Replaced or CloseCode.Revoked))
            {
                ServerLog.SessionFault(_services.Log, Holder.Caption, reason, end.Code.ErrorCode());
            }
        }
        catch (Exception error)
        {
            // A fault of ours costs one agent its session, with a name in the log, not the process.
            ServerLog.AgentFault(_services.Log, Holder.Caption, error);
        }
        finally
        {
            Release(reason);
            _services.Directory.Remove(this, reason);
            _services.Metrics.SessionChanged(-1);
        }
    }

    private bool MayAdopt(ServedTunnel tunnel)
    {
        int others = _tunnels.Count - (FindNamed(tunnel.Name) is null ? 0 : 1);
        bool isNumberFree = !_tunnels.TryGetValue(tunnel.Id, out ServedTunnel? numbered) || numbered.Name == tunnel.Name;
        return !_hasEnded && others < _services.Options.Agents.MaxTunnelsPerSession && isNumberFree;
    }

    private ServedTunnel? FindNamed(string name) => _tunnels.Values.FirstOrDefault(tunnel => tunnel.Name == name);

    // Takes all tunnels off their names; nothing can be adopted afterwards.
    private void Release(string reason)
    {
        List<ServedTunnel> tunnels;
        lock (_lock)
        {
            _hasEnded = true;
            tunnels = [.. _tunnels.Values];
            _tunnels.Clear();
        }

        foreach (ServedTunnel tunnel in tunnels)
        {
            _services.Registry.Unbind(tunnel);
            ServerLog.TunnelDown(_services.Log, tunnel.Name, reason);
        }
    }

    private static string Describe(SessionEnd end) => end.Kind switch
    {
        SessionEndKind.LinkLost => $"the link was lost ({Printable.Of(end.Message)})",
        SessionEndKind.ClosedByPeer => $"the agent closed the session ({end.Code.Name()})",
        _ => $"the session was closed ({end.Code.Name()}: {Printable.Of(end.Message)})",
    };
}

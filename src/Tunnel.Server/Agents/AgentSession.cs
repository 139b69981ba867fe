using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Hosting;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Agents;

/// <summary>One agent's session and the tunnels it serves. Owns their entries in the registry.</summary>
internal sealed class AgentSession : ISessionUser
{
    private readonly AgentServices _services;
    private readonly Lock _lock = new();
    private readonly Dictionary<uint, ServedTunnel> _tunnels = [];
    private bool _hasEnded;

    public AgentSession(AgentServices services, string instance, string address)
    {
        _services = services;
        Instance = instance;
        Address = address;
        Session = new Session(LinkRole.Server, services.Session, this);
    }

    public Session Session { get; }

    /// <summary>The agent instance: the same one may take its names back from itself.</summary>
    public string Instance { get; }

    /// <summary>For logs.</summary>
    public string Address { get; }

    /// <summary>Binds one tunnel; the answer says the name granted, or why not.</summary>
    public BoundMessage Bind(TunnelRequest request)
    {
        string? name = PublicNames.Resolve(
            request.Subdomain, request.Hostname, _services.Options.Domain, _services.Registry.IsServed, out string reason);
        if (name is null)
        {
            return new BoundMessage { Id = request.Id, Code = RejectCodes.NameRefused, Message = reason };
        }

        var tunnel = new ServedTunnel(name, request, Session);
        lock (_lock)
        {
            if (_hasEnded || _tunnels.Count >= ProtocolLimits.Tunnels || _tunnels.ContainsKey(request.Id))
            {
                return new BoundMessage
                {
                    Id = request.Id,
                    Code = RejectCodes.NameRefused,
                    Message = $"A session has at most {ProtocolLimits.Tunnels} tunnels, each with an id of its own.",
                };
            }

            if (BindName(tunnel) is { } holder)
            {
                return new BoundMessage
                {
                    Id = request.Id,
                    Code = RejectCodes.NameConflict,
                    Message = $"{name} is served by another agent, at {_services.Directory.Find(holder.Session)?.Address ?? "an unknown address"}. Stop that one, or ask for another name.",
                };
            }

            _tunnels.Add(request.Id, tunnel);
        }

        ServerLog.TunnelUp(_services.Log, name, Address);
        return new BoundMessage { Id = request.Id, TunnelName = name, Url = _services.PublicUrl(name) };
    }

    /// <summary>Binds all tunnels of a HELLO; refused with the first one that cannot be had.</summary>
    public bool TryBind(
        IReadOnlyList<TunnelRequest> requests, out List<TunnelGrant> grants, [NotNullWhen(false)] out BoundMessage? refusal)
    {
        grants = [];
        foreach (TunnelRequest request in requests)
        {
            BoundMessage bound = Bind(request);
            if (bound.Code is not null)
            {
                refusal = bound;
                return false;
            }

            grants.Add(new TunnelGrant(bound.Id, bound.TunnelName!, bound.Url!));
        }

        refusal = null;
        return true;
    }

    /// <summary>The session does not come about: its names are free again, and requests that were routed to it are told.</summary>
    public async Task GiveUpAsync(string reason)
    {
        Release(reason);
        await Session.RunAsync(new NoLink());
    }

    /// <summary>Serves the session over its link until it ends; its names are free afterwards.</summary>
    public async Task<SessionEnd> RunAsync(IDuplexPipe link)
    {
        _services.Metrics.SessionChanged(+1);
        try
        {
            SessionEnd end = await Session.RunAsync(link);
            Release(Describe(end));
            if (end.Kind == SessionEndKind.ClosedHere && end.Code is not (CloseCode.Normal or CloseCode.Replaced))
            {
                ServerLog.SessionFault(_services.Log, Address, Describe(end));
            }

            return end;
        }
        finally
        {
            Release("the session ended");
            _services.Metrics.SessionChanged(-1);
        }
    }

    /// <summary>Takes all tunnels off their names; nothing can be bound afterwards.</summary>
    public void Release(string reason)
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

    void ISessionUser.OnStream(TunnelStream stream) => stream.Dispose();

    void ISessionUser.OnMessage(FrameKind kind, in ReadOnlySequence<byte> payload)
    {
        if (kind == FrameKind.Bind)
        {
            Session.Send(FrameKind.Bound, Bind(JsonMessages.Read<TunnelRequest>(payload)));
        }
        else if (kind == FrameKind.Unbind)
        {
            Unbind(JsonMessages.Read<UnbindMessage>(payload).Id);
        }
    }

    void ISessionUser.OnGoAway(GoAwayMessage message) => Release("the agent leaves");

    // A holder of the same instance is the agent's own past, which has not noticed yet that its link is gone.
    private ServedTunnel? BindName(ServedTunnel tunnel)
    {
        ServedTunnel? holder = _services.Registry.Bind(tunnel, replaces: null);
        if (holder is null || holder.Session == Session || _services.Directory.Find(holder.Session)?.Instance != Instance)
        {
            return holder;
        }

        holder.Session.Close(CloseCode.Replaced, "the same agent has a newer session");
        return _services.Registry.Bind(tunnel, replaces: holder.Session);
    }

    private void Unbind(uint id)
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

    private static string Describe(SessionEnd end) => end.Kind switch
    {
        SessionEndKind.LinkLost => $"the link was lost ({Printable.Of(end.Message)})",
        SessionEndKind.ClosedByPeer => $"the agent closed the session ({end.Code.Name()})",
        _ => $"the session was closed ({end.Code.Name()}: {Printable.Of(end.Message)})",
    };
}

using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Framing.Frames;
using Tunnel.Server.Agents;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Guards;
using Tunnel.Server.Identity;
using Tunnel.Server.Routing;
using Tunnel.TestSupport;
using Tunnel.Transport;

namespace Tunnel.Server.Tests.Agents;

/// <summary>All that sessions of agents need, on fake time.</summary>
internal sealed class AgentRoom : IAsyncDisposable
{
    private readonly DeadlineClock _clock;
    private readonly ServerMetrics _metrics = new();
    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("tunnel-sessions-").FullName;
    private readonly PasswordChecks _passwords;
    private readonly AgentServices _services;
    private readonly List<(MemoryLink Link, Task Served)> _links = [];

    public AgentRoom(int mostSessions = 64)
    {
        _clock = new DeadlineClock(Time);
        Registry = new TunnelRegistry(new WaitingLimits(), _ => false, Time, _clock);
        var options = new ServerOptions { Domain = "test", Agents = new AgentsOptions { MaxSessionsPerIdentity = mostSessions } };
        _passwords = new PasswordChecks(Time);
        Tokens = TokenStore.Open(_folder, options.Domain, Time);
        _services = new AgentServices(
            options, Registry, Directory, options.Session with { Time = Time }, new TunnelAddresses(options, Registry) { HttpPort = 80 }, _metrics, NullLogger.Instance)
        {
            Gate = new Gatekeeper(options, Tokens, Time, NullLogger.Instance),
            Key = null,
            Passwords = _passwords,
        };
        Claims = new TunnelClaims(_services);
    }

    public FakeTimeProvider Time { get; } = new();

    public AgentDirectory Directory { get; } = new();

    public TunnelRegistry Registry { get; }

    public TokenStore Tokens { get; }

    public TunnelClaims Claims { get; }

    public SessionPlaces Places => _services.Places;

    /// <summary>A session without a link and without a name.</summary>
    public AgentSession NewSession(char name, AgentIdentity? identity = null)
    {
        var hello = new HelloMessage { Version = 1, Instance = new string(name, 32) };
        var session = new AgentSession(_services, hello, identity ?? AgentIdentity.Local, AddressOf(name), replaces: null);
        session.Begin();
        return session;
    }

    /// <summary>Where the agent of this name comes from.</summary>
    public static IPEndPoint AddressOf(char name) => new(new IPAddress([10, 0, 0, (byte)name]), 4711);

    /// <summary>Binds one after the other, up to the first refusal; null: there was none.</summary>
    public async Task<BoundMessage?> ClaimAsync(AgentSession session, params TunnelRequest[] requests)
    {
        foreach (TunnelRequest request in requests)
        {
            BoundMessage bound = await Claims.BindAsync(session, request, CancellationToken.None);
            if (bound.Code is not null)
            {
                return bound;
            }
        }

        return null;
    }

    /// <summary>What a session serves: numbers and names, the lowest number first.</summary>
    public static string TunnelsOf(AgentSession session) =>
        string.Join(' ', session.Tunnels.OrderBy(tunnel => tunnel.Id).Select(tunnel => $"{tunnel.Id}:{tunnel.Name}"));

    /// <summary>Gives a session a link. Its far end is returned, the server's first PING read.</summary>
    public async Task<RawPeer> AttachAsync(AgentSession session)
    {
        var link = new MemoryLink();
        _links.Add((link, session.ServeAsync(link.A, peerCount: 0)));
        var peer = new RawPeer(link.B);
        await peer.ExpectAsync(FrameKind.Ping);
        return peer;
    }

    public static TunnelRequest Request(uint id, string subdomain) => new() { Id = id, Type = "http", Subdomain = subdomain };

    public async ValueTask DisposeAsync()
    {
        foreach ((MemoryLink link, Task served) in _links)
        {
            link.Cut();
            await served.Within();
        }

        foreach (AgentSession agent in Directory.All)
        {
            agent.Close(CloseCode.Normal, "the test is over");
            await agent.Life.Within();
        }

        Registry.Dispose();
        await _clock.DisposeAsync();
        _metrics.Dispose();
        System.IO.Directory.Delete(_folder, recursive: true);
    }
}

using System.Buffers;
using System.IO.Pipelines;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Server.Guards;
using Tunnel.Server.Identity;
using Tunnel.Server.Routing;
using Tunnel.TestSupport;
using Tunnel.Transport;

namespace Tunnel.Server.Tests.Routing;

/// <summary>A registry on fake time, with sessions that are really attached to something.</summary>
internal sealed class Registration : IAsyncDisposable
{
    private readonly DeadlineClock _clock;
    private readonly List<Func<Task>> _ends = [];

    public Registration(WaitingLimits? limits = null)
    {
        _clock = new DeadlineClock(Time);
        Registry = new TunnelRegistry(limits ?? new WaitingLimits(), Owned.Contains, Time, _clock);
    }

    /// <summary>Names that are somebody's, whether he is here or not.</summary>
    public HashSet<string> Owned { get; } = [];

    public FakeTimeProvider Time { get; } = new();

    public TunnelRegistry Registry { get; }

    /// <summary>A session without a link.</summary>
    public TunnelHolder Detached(
        string identity = "local", char instance = 'a', string? run = null, int slot = 0, int streams = 4, Session? replaces = null)
    {
        var options = new SessionOptions { MaxStreams = streams, ResumeWindow = TimeSpan.FromHours(1), Time = Time };
        var session = new Session(LinkRole.Server, options, new Nobody());
        Task life = session.RunAsync();
        _ends.Add(async () =>
        {
            session.Close(CloseCode.Normal, "the test is over");
            await life.Within();
        });
        return new TunnelHolder(session, new AgentIdentity(identity, identity), new AgentInstance(new string(instance, 32), run, slot), $"agent {instance}", Time)
        {
            Replaces = replaces,
        };
    }

    /// <summary>A session with a link whose far end says nothing.</summary>
    public TunnelHolder Attached(
        string identity = "local", char instance = 'a', string? run = null, int slot = 0, int streams = 4, Session? replaces = null)
    {
        TunnelHolder holder = Detached(identity, instance, run, slot, streams, replaces);
        Attach(holder);
        return holder;
    }

    /// <summary>Gives it a link, whose far end is returned.</summary>
    public IDuplexPipe Attach(TunnelHolder holder)
    {
        var down = new Pipe();
        var up = new Pipe();
        Task served = holder.Session.AttachAsync(new Link(up.Reader, down.Writer), peerCount: 0);
        _ends.Add(async () =>
        {
            await up.Writer.CompleteAsync();
            await served.Within();
        });
        holder.Attached();
        return new Link(down.Reader, up.Writer);
    }

    public ServedTunnel Tunnel(string name, TunnelHolder holder, bool pool = false, string type = TunnelTypes.Http, VisitorGuard? guard = null, bool waitingPage = false) =>
        new(name, new TunnelRequest { Id = 1, Type = type, Pool = pool, WaitingPage = waitingPage }, holder, Time.GetUtcNow()) { Guard = guard };

    /// <summary>A tunnel on its name.</summary>
    public ServedTunnel Bind(string name, TunnelHolder holder, bool pool = false, string type = TunnelTypes.Http, bool waitingPage = false)
    {
        ServedTunnel tunnel = Tunnel(name, holder, pool, type, waitingPage: waitingPage);
        Registry.TryClaim([tunnel], out _).Should().BeTrue();
        tunnel.WasServed = true;
        return tunnel;
    }

    public Route Find(string name, out WaitingRequest? held, TunnelHolder? refused = null, int bytes = 100) =>
        Registry.Find(System.Text.Encoding.ASCII.GetBytes(name), Request(refused, bytes), out held);

    /// <summary>A request that has to wait.</summary>
    public WaitingRequest Hold(string name, int bytes = 100)
    {
        Find(name, out WaitingRequest? held, bytes: bytes);
        held.Should().NotBeNull();
        return held!;
    }

    /// <summary>A request of a login that is tied to the session of this tunnel.</summary>
    public Route Find(string name, ServedTunnel? tied, out WaitingRequest? held, TunnelHolder? refused = null) =>
        Registry.Find(
            System.Text.Encoding.ASCII.GetBytes(name), Request(refused) with { Login = new ConnectionLogin(name) { Tunnel = tied } }, out held);

    public RouteRequest Request(TunnelHolder? refused = null, int bytes = 100) => new(
        new OpenHeader(StreamType.Http, VisitorScheme.Http, 0, default, 0), TunnelTypes.Http, Registry.Now, bytes, refused);

    public async ValueTask DisposeAsync()
    {
        foreach (Func<Task> end in _ends)
        {
            await end();
        }

        Registry.Dispose();
        await _clock.DisposeAsync();
    }

    private sealed record Link(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private sealed class Nobody : ISessionUser
    {
        public void OnStream(TunnelStream stream) => stream.Dispose();

        public void OnMessage(FrameKind kind, in ReadOnlySequence<byte> payload)
        {
        }

        public void OnGoAway(GoAwayMessage message)
        {
        }
    }
}

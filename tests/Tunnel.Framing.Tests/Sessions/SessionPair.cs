using System.IO.Pipelines;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Sessions;

/// <summary>A server's and an agent's session over one link, both on a pool that knows its leaks.</summary>
internal sealed class SessionPair
{
    // These run on the real clock of a machine that may be busy with anything: what they find out is not a matter of
    // time, and no silence of theirs means that the link is gone.
    private static readonly HeartbeatTimes Patient = new(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1));

    private SessionPair(IDuplexPipe serverLink, IDuplexPipe agentLink, SessionOptions? options, int? agentStreams)
    {
        options = (options ?? new SessionOptions()) with
        {
            BusyHeartbeat = Patient,
            IdleHeartbeat = Patient,
            CloseTime = TimeSpan.FromMinutes(1),
        };
        Server = new Session(LinkRole.Server, options with { Pool = ServerPool }, ServerUser);
        Agent = new Session(LinkRole.Agent, options with { Pool = AgentPool, MaxStreams = agentStreams ?? options.MaxStreams }, AgentUser);
        ServerLink = serverLink;
        AgentLink = agentLink;
    }

    public LeakCheckingPool ServerPool { get; } = new();

    public LeakCheckingPool AgentPool { get; } = new();

    public RecordingUser ServerUser { get; } = new();

    public RecordingUser AgentUser { get; } = new();

    public Session Server { get; }

    public Session Agent { get; }

    public IDuplexPipe ServerLink { get; }

    public IDuplexPipe AgentLink { get; }

    public Task<SessionEnd> ServerRun { get; private set; } = Task.FromException<SessionEnd>(new InvalidOperationException());

    public Task<SessionEnd> AgentRun { get; private set; } = Task.FromException<SessionEnd>(new InvalidOperationException());

    public static SessionPair Start(
        IDuplexPipe serverLink,
        IDuplexPipe agentLink,
        SessionOptions? options = null,
        int? agentStreams = null,
        Action<TunnelStream>? serve = null)
    {
        var pair = new SessionPair(serverLink, agentLink, options, agentStreams);
        pair.AgentUser.Serve = serve;
        pair.ServerRun = pair.Server.RunAsync(serverLink);
        pair.AgentRun = pair.Agent.RunAsync(agentLink);
        return pair;
    }

    public TunnelStream Open(StreamType type = StreamType.Http) => TryOpen(type)!;

    public TunnelStream? TryOpen(StreamType type = StreamType.Http) =>
        Server.TryOpen(new OpenHeader(type, VisitorScheme.Http, 1, default, 0));

    /// <summary>Opens a stream and takes it at the other end.</summary>
    public async Task<(TunnelStream Server, TunnelStream Agent)> OpenBothAsync()
    {
        TunnelStream stream = Open();
        (await stream.Output.FlushAsync().Within()).IsCompleted.Should().BeFalse();
        return (stream, await AgentUser.NextStreamAsync());
    }

    /// <summary>
    /// The common end of a test: everything that was sent arrived and was acknowledged, no stream is left, the session
    /// closes as the server wants it, and no memory is out.
    /// </summary>
    public async Task CloseAsync()
    {
        await Until.TrueAsync(() => Server.OpenStreams == 0 && Agent.OpenStreams == 0);
        await Until.TrueAsync(() => Server.Counts.Acknowledged == Server.Counts.Sent);
        await Until.TrueAsync(() => Agent.Counts.Acknowledged == Agent.Counts.Sent);
        Agent.Counts.Received.Should().Be(Server.Counts.Sent);
        Server.Counts.Received.Should().Be(Agent.Counts.Sent);
        Server.Close(CloseCode.Normal, "the test is over");
        (await ServerRun.Within()).Should().Be(new SessionEnd(SessionEndKind.ClosedHere, CloseCode.Normal, "the test is over"));
        (await AgentRun.Within()).Should().Be(new SessionEnd(SessionEndKind.ClosedByPeer, CloseCode.Normal, "the test is over"));
        AssertNothingIsLeft();
    }

    public void AssertNothingIsLeft()
    {
        Server.OpenStreams.Should().Be(0);
        Agent.OpenStreams.Should().Be(0);
        Server.Streams.Memory.Used.Should().Be(0);
        Agent.Streams.Memory.Used.Should().Be(0);
        ServerPool.AssertAllReturned();
        AgentPool.AssertAllReturned();
    }
}

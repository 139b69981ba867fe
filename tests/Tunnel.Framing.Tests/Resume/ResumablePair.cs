using System.IO.Pipelines;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Framing.Tests.Sessions;

namespace Tunnel.Framing.Tests.Resume;

/// <summary>
/// A server's and an agent's session that go from link to link as their owners would: each stops, states its count, and
/// takes the next link. Time stands still unless the test moves it.
/// </summary>
internal sealed class ResumablePair : IAsyncDisposable
{
    // Time is moved in large steps here; no silence of these links means anything.
    private static readonly HeartbeatTimes Patient = new(TimeSpan.FromDays(1), TimeSpan.FromDays(1));

    private readonly List<Task> _attached = [];

    public ResumablePair(SessionOptions? options = null)
    {
        options = (options ?? new SessionOptions()) with
        {
            Time = Time,
            ResumeWindow = TimeSpan.FromSeconds(60),
            BusyHeartbeat = Patient,
            IdleHeartbeat = Patient,
        };
        Server = new Session(LinkRole.Server, options with { Pool = ServerPool }, ServerUser);
        Agent = new Session(LinkRole.Agent, options with { Pool = AgentPool }, AgentUser);
        ServerRun = Server.RunAsync();
        AgentRun = Agent.RunAsync();
    }

    public FakeTimeProvider Time { get; } = new();

    public LeakCheckingPool ServerPool { get; } = new();

    public LeakCheckingPool AgentPool { get; } = new();

    public RecordingUser ServerUser { get; } = new();

    public RecordingUser AgentUser { get; } = new();

    public Session Server { get; }

    public Session Agent { get; }

    public Task<SessionEnd> ServerRun { get; }

    public Task<SessionEnd> AgentRun { get; }

    /// <summary>Both take this link; whatever carried them before is given up.</summary>
    public async Task ConnectAsync(IDuplexPipe server, IDuplexPipe agent)
    {
        ulong agentCount = await Agent.DetachAsync().Within();
        ulong serverCount = await Server.DetachAsync().Within();
        _attached.Add(Server.AttachAsync(server, agentCount));
        _attached.Add(Agent.AttachAsync(agent, serverCount));
    }

    /// <summary>Both take a link that is never cut.</summary>
    public async Task<MemoryLink> ConnectAsync()
    {
        var link = new MemoryLink();
        await ConnectAsync(link.A, link.B);
        return link;
    }

    /// <summary>Opens a stream that stays whatever becomes of the link; when that is cut already, on a sound one.</summary>
    public async Task<TunnelStream> OpenAsync()
    {
        TunnelStream? stream;
        while ((stream = Open()) is null || !stream.TryPin())
        {
            stream?.Dispose();
            await ConnectAsync();
        }

        return stream;
    }

    public TunnelStream? Open() => Server.TryOpen(new OpenHeader(StreamType.Http, VisitorScheme.Http, 1, default, 0));

    public async Task<(TunnelStream Server, TunnelStream Agent)> OpenBothAsync()
    {
        TunnelStream stream = Open()!;
        await stream.Output.FlushAsync().Within();
        return (stream, await AgentUser.NextStreamAsync());
    }

    /// <summary>Lets time pass until both have noticed that there is no link.</summary>
    public Task WhenDetachedAsync() => Until.TrueAsync(() => !Server.IsAttached && !Agent.IsAttached);

    /// <summary>Everything ends, and nothing is left.</summary>
    public async ValueTask DisposeAsync()
    {
        Server.Close(CloseCode.Normal, "the test is over");
        Agent.Close(CloseCode.Normal, "the test is over");
        await Until.TrueAsync(() =>
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            return ServerRun.IsCompleted && AgentRun.IsCompleted && _attached.TrueForAll(task => task.IsCompleted);
        });
        await Task.WhenAll(_attached);
        AgentUser.DisposeAll();
        (Server.Streams.Memory.Used, Agent.Streams.Memory.Used).Should().Be((0, 0));
        ServerPool.AssertAllReturned();
        AgentPool.AssertAllReturned();
        ServerPool.Dispose();
        AgentPool.Dispose();
    }
}

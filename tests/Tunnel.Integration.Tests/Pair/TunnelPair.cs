using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Agent;
using Tunnel.Agent.Link;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Sessions;
using Tunnel.Server;
using Tunnel.Server.Edge;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Pair;

/// <summary>
/// A server and an agent in this process, on loopback and free ports, in front of an origin that does what the test
/// says. Disposing it stops both and fails if anything is left: a stream, a connection, a block of memory, or a line in
/// a log that speaks of a fault of ours.
/// </summary>
public sealed class TunnelPair : IAsyncDisposable
{
    private readonly RecordingLogs _logs = new();
    private readonly ConcurrentBag<ScriptedConnection> _visitors = [];
    private readonly PairOptions _options;
    private readonly FakeTimeProvider? _time;
    private bool _isOriginStopped;

    private TunnelPair(Func<ScriptedConnection, Task> origin, PairOptions options)
    {
        _options = options;
        _time = options.IsTimeFake ? new FakeTimeProvider(TimeProvider.System.GetUtcNow()) : null;
        Origin = new ScriptedOrigin(origin);
        ServerOptions = options.Server(new ServerOptions
        { Session = Patient(new SessionOptions()), Listen = new ListenOptions { LoopbackOnly = true, HttpPort = 0, AgentPort = 0 } });
        Server = ServerHost.Start(ServerOptions, _logs, _time, options.State);
    }

    public const string Name = "demo.localhost";

    public ServerHost Server { get; private set; }

    public ServerOptions ServerOptions { get; }

    /// <summary>The first agent; null when the pair was started without one.</summary>
    public AgentHost Agent { get; private set; } = null!;

    public ScriptedOrigin Origin { get; }

    /// <summary>What the first agent told its user.</summary>
    public ForwardingSignal Forwarding { get; } = new();

    public FakeTimeProvider Time => _time ?? throw new InvalidOperationException("This pair runs on real time.");

    /// <summary>Lines logged so far, of all parties.</summary>
    public IReadOnlyCollection<string> Log => _logs.Lines;

    /// <summary>Starts both and waits until the tunnel can be used.</summary>
    public static async Task<TunnelPair> StartAsync(Func<ScriptedConnection, Task> origin, PairOptions? options = null)
    {
        var pair = new TunnelPair(origin, options ?? new PairOptions());
        if (pair._options.HasAgent)
        {
            pair.Agent = pair.StartAgent(pair.Forwarding);
            await pair.Forwarding.Times.WhenAsync(1);
        }

        return pair;
    }

    /// <summary>Another agent of the same server and origin; the caller disposes it.</summary>
    public AgentHost StartAgent(ForwardingSignal forwarding, Func<AgentOptions, AgentOptions>? change = null)
    {
        AgentOptions options = _options.Agent(new AgentOptions
        {
            Link = new LinkOptions { Host = "127.0.0.1", Port = Server.AgentPort, WatchesNetwork = _time is null },
            Tunnels = [new TunnelOptions { Subdomain = "demo", Origin = new OriginOptions { Host = "127.0.0.1", Port = Origin.Port } }],
            Session = Patient(new SessionOptions()),
        });
        return AgentHost.Start(change is null ? options : change(options), forwarding, _options.Watch, _logs, _time);
    }

    /// <summary>A visitor's connection; closed with the pair if the test does not.</summary>
    public async Task<ScriptedConnection> VisitAsync()
    {
        ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(Server.HttpPort);
        _visitors.Add(visitor);
        return visitor;
    }

    /// <summary>One request on a connection of its own.</summary>
    public async Task<Answer> AskAsync(string request)
    {
        using ScriptedConnection visitor = await VisitAsync();
        await visitor.WriteAsync(request);
        return await visitor.ReadAnswerAsync(hasBody: !request.StartsWith("HEAD ", StringComparison.Ordinal)).Within();
    }

    public Task<Answer> GetAsync(string path = "/", string fields = "") =>
        AskAsync($"GET {path} HTTP/1.1\r\nHost: {Name}\r\n{fields}\r\n");

    /// <summary>A client with a pool of its own that finds every name at this server.</summary>
    public HttpClient NewClient() => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancel) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(IPAddress.Loopback, Server.HttpPort, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    {
        BaseAddress = new Uri($"http://{Name}"),
    };

    /// <summary>Lets time pass second by second until the task is done.</summary>
    public async Task AdvanceUntilAsync(Task task)
    {
        await Eventually.TrueAsync(() =>
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            return task.IsCompleted;
        });
        await task;
    }

    /// <summary>Lets so much time pass, minute by minute.</summary>
    public async Task PassAsync(TimeSpan time)
    {
        for (TimeSpan passed = TimeSpan.Zero; passed < time; passed += TimeSpan.FromMinutes(1))
        {
            Time.Advance(TimeSpan.FromMinutes(1));
            await Task.Yield();
        }
    }

    public async Task StopOriginAsync()
    {
        _isOriginStopped = true;
        await Origin.DisposeAsync();
    }

    /// <summary>Stops the server without grace and starts another one on the same ports.</summary>
    public async Task RestartServerAsync()
    {
        await StopServerAsync();
        StartServerAgain();
    }

    public async Task StopServerAsync()
    {
        await Server.DisposeAsync();
        AssertServerIsClean();
    }

    public void StartServerAgain() => Server = ServerHost.Start(
        ServerOptions with { Listen = ServerOptions.Listen with { HttpPort = Server.HttpPort, AgentPort = Server.AgentPort } }, _logs, _time, _options.State);

    /// <summary>Nothing is under way any more on either side.</summary>
    public Task WhenIdleAsync() => Eventually.TrueAsync(
        () => Server.OpenStreams == 0 && (Agent is null || Agent.Counts.Streams == 0), what: "no stream is open");

    public async ValueTask DisposeAsync()
    {
        foreach (ScriptedConnection visitor in _visitors)
        {
            visitor.Close();
        }

        await Eventually.TrueAsync(
            () =>
            {
                // Who was refused while it sent is heard out slowly, with rests that only time ends.
                _time?.Advance(TimeSpan.FromMilliseconds(20));
                return Server.Counts.Visitors == 0;
            },
            what: "no visitor connection is open");
        await WhenIdleAsync();
        if (Agent is not null)
        {
            await Agent.DisposeAsync().Within();
            Agent.Exited.IsCompleted.Should().BeTrue();
            Agent.Counts.Should().Be((0, 0, 0L), "nothing is left of the agent: streams, origin connections, blocks");
        }

        await Server.DisposeAsync().Within();
        AssertServerIsClean();
        if (!_isOriginStopped)
        {
            await Origin.DisposeAsync();
        }

        _logs.Faults.Should().BeEmpty();
        _logs.Dispose();
    }

    private void AssertServerIsClean()
    {
        Server.Counts.Should().Be((0, 0, 0), "nothing is left of the server: visitors, agents, names");
        Server.OpenStreams.Should().Be(0);
        Server.RentedBlocks.Should().Be(0);
    }

    // Fake time jumps, and no answer to a PING travels in a jump.
    private SessionOptions Patient(SessionOptions options)
    {
        var never = new HeartbeatTimes(TimeSpan.FromDays(10), TimeSpan.FromDays(10));
        return _time is null ? options : options with { BusyHeartbeat = never, IdleHeartbeat = never };
    }
}

using System.Net;
using System.Net.Sockets;
using Tunnel.Agent;
using Tunnel.Agent.Connection;
using Tunnel.Agent.Link;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Agents;

/// <summary>An agent goes on trying, and everything works again when the other side is back.</summary>
public sealed class ReconnectTests
{
    [Fact]
    public async Task Agent_BeforeItsServer_ConnectsWhenTheServerIsThere()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions { HasAgent = false });
        await pair.StopServerAsync();
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding);
        await Eventually.TrueAsync(() => pair.Log.Any(line => line.Contains("Trying again", StringComparison.Ordinal)));
        pair.StartServerAgain();
        await forwarding.Times.WhenAsync(1);
        (await pair.GetAsync()).Text.Should().Be("x");
    }

    [Fact]
    public async Task Server_StartedAgainOnItsPorts_IsFoundAgain()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")));
        for (int i = 1; i <= 3; i++)
        {
            (await pair.GetAsync()).Text.Should().Be("x");
            await pair.RestartServerAsync();
            await pair.Forwarding.Times.WhenAsync(i + 1);
        }

        (await pair.GetAsync()).Text.Should().Be("x");
    }

    [Fact]
    public async Task Link_ThatIsCutForGood_FailsItsRequestsAndIsReplaced()
    {
        var hang = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                while (await connection.ReadHeadAsync() is { } head)
                {
                    if (head.Contains("/hang", StringComparison.Ordinal))
                    {
                        hang.Add();
                        await connection.ReadToEndAsync();
                        return;
                    }

                    await connection.WriteAsync(Talk.Ok("x"));
                }
            },
            new PairOptions { HasAgent = false, Server = options => options with { Waiting = options.Waiting with { ResumeWindow = TimeSpan.Zero } } });
        var links = new List<ScriptedConnection>();
        await using var between = new ScriptedOrigin(async agent =>
        {
            links.Add(agent);
            await RelayAsync(agent, pair.Server.AgentPort);
        });
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding, options => options.Link(link => link with { Port = between.Port }));
        await forwarding.Times.WhenAsync(1);
        Task<Answer>[] hanging = [.. Enumerable.Range(0, 20).Select(_ =>
            pair.AskAsync($"POST /hang HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: 0\r\n\r\n"))];
        await hang.WhenAsync(20);
        links[0].Reset();
        foreach (Answer answer in await Task.WhenAll(hanging).Within())
        {
            answer["Tunnel-Error"].Should().Be("session-lost");
        }

        await forwarding.Times.WhenAsync(2);
        (await pair.GetAsync()).Text.Should().Be("x");
        await pair.Origin.Ended.WhenAsync(20);
    }

    [Fact]
    public async Task Stop_OfAnAgentThatCannotConnect_IsImmediate()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions { HasAgent = false });
        await pair.StopServerAsync();
        await using AgentHost agent = pair.StartAgent(new ForwardingSignal());
        await Eventually.TrueAsync(() => pair.Log.Any(line => line.Contains("Trying again", StringComparison.Ordinal)));
        await agent.StopAsync().Within();
        (await agent.Exited).Should().Be(AgentExit.Stopped);
    }

    [Fact]
    public async Task Stop_OfAnAgentWhoseServerDoesNotAnswer_IsImmediate()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions { HasAgent = false });
        await using var silent = new ScriptedOrigin(async connection => await connection.ReadToEndAsync());
        await using AgentHost agent = pair.StartAgent(new ForwardingSignal(), options => options.Link(link => link with { Port = silent.Port }));
        await silent.Accepted.WhenAsync(1);
        await agent.StopAsync().Within();
        (await agent.Exited).Should().Be(AgentExit.Stopped);
    }

    [Fact]
    public async Task Port_OfSomethingElse_IsNoReasonToGiveUp()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions { HasAgent = false });
        await using var web = new ScriptedOrigin(async connection => await connection.WriteAsync("HTTP/1.1 400 Bad Request\r\n\r\n"));
        await using AgentHost agent = pair.StartAgent(new ForwardingSignal(), options => options.Link(link => link with { Port = web.Port }));
        await web.Accepted.WhenAsync(2);
        agent.Exited.IsCompleted.Should().BeFalse();
        pair.Log.Should().Contain(line => line.Contains("as a web server does", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Listener_ThatThrows_DoesNotLeaveASessionBehind()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")));
        var broken = new BrokenEvents();
        await using AgentHost agent = AgentHost.Start(
            new AgentOptions { Link = new LinkOptions { Host = "127.0.0.1", Port = pair.Server.AgentPort }, Tunnels = [new TunnelOptions { Subdomain = "other", Origin = new OriginOptions { Port = pair.Origin.Port } }] },
            broken,
            new RecordingLogs());
        await broken.Calls.WhenAsync(1);
        await Eventually.TrueAsync(() => pair.Server.Counts.Agents == 2);
        await agent.DisposeAsync();
        await Eventually.TrueAsync(() => pair.Server.Counts.Agents == 1);
    }

    private static async Task RelayAsync(ScriptedConnection agent, int port)
    {
        using ScriptedConnection server = await ScriptedConnection.ConnectAsync(port);
        await Task.WhenAny(CopyAsync(agent, server), CopyAsync(server, agent));
    }

    private static async Task CopyAsync(ScriptedConnection from, ScriptedConnection to)
    {
        try
        {
            while (await from.ReadSomeAsync() is { Length: > 0 } some)
            {
                await to.WriteAsync(some);
            }
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // One end is gone; the other one follows.
        }
    }

    private sealed class BrokenEvents : IAgentEvents
    {
        public Tally Calls { get; } = new();

        public void OnForwarding(Tunnel.Agent.Tunnels.TunnelOptions tunnel, Tunnel.Framing.Frames.TunnelGrant grant, IPEndPoint? server)
        {
            Calls.Add();
            throw new IOException("standard output is gone");
        }
    }
}

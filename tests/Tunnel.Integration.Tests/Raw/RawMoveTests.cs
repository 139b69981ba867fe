using Tunnel.Agent;
using Tunnel.Framing.Frames;
using Tunnel.Integration.Tests.Agents;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Raw;

/// <summary>Raw connections that a session did not look at begin again on the next one, with all that the visitor has said.</summary>
public sealed class RawMoveTests
{
    [Fact]
    public async Task Session_ThatRefusesAConnection_IsFollowedByAnother_WithWhatWasSaid()
    {
        int port = FreePort.Find();
        await using TunnelPair pair = await StartAsync(port, hasAgent: false);
        await using OddAgent first = await ConnectAsync(pair, port, 'a');
        await using OddAgent second = await ConnectAsync(pair, port, 'b');
        using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(port);
        await visitor.WriteAsync("hello ");
        uint id = await first.NextRequestAsync();
        if (!first.LastHead.EndsWith("hello ", StringComparison.Ordinal))
        {
            (await first.Peer.ExpectAsync(FrameKind.Data)).Text.Should().Be("hello ");
        }

        await first.Peer.SendResetAsync(id, (ushort)ResetCode.NotProcessed);
        id = await second.NextRequestAsync();
        second.LastHead.Should().EndWith("hello ");
        visitor.EndSending();
        (await second.Peer.ExpectAsync(FrameKind.Data)).IsFin.Should().BeTrue();
        await second.AnswerAsync(id, "heard");
        (await visitor.ReadToEndAsync().Within()).Should().Equal("heard"u8.ToArray());
    }

    [Fact]
    public async Task Session_ThatRefusesWhatItHasAnswered_BreaksTheVisitor()
    {
        int port = FreePort.Find();
        await using TunnelPair pair = await StartAsync(port, hasAgent: false);
        await using OddAgent first = await ConnectAsync(pair, port, 'a');
        await using OddAgent second = await ConnectAsync(pair, port, 'b');
        using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(port);
        uint id = await first.NextRequestAsync();
        await first.AnswerAsync(id, "half a", fin: false);
        await visitor.ReadExactlyAsync(6).Within();
        await first.Peer.SendResetAsync(id, (ushort)ResetCode.NotProcessed);
        await FluentActions.Awaiting(() => visitor.ReadToEndAsync().Within()).Should().ThrowAsync<IOException>();
    }

    [Fact]
    public async Task Session_ThatRefusesMoreThanIsKept_BreaksTheVisitor()
    {
        int port = FreePort.Find();
        await using TunnelPair pair = await StartAsync(port, hasAgent: false);
        await using OddAgent first = await ConnectAsync(pair, port, 'a');
        await using OddAgent second = await ConnectAsync(pair, port, 'b');
        using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(port);
        uint id = await first.NextRequestAsync();
        await first.Peer.SendCreditAsync(id, 1_000_000);
        await visitor.WriteAsync(new byte[200_000]);
        for (int got = 0; got < 200_000;)
        {
            got += (await first.Peer.ExpectAsync(FrameKind.Data)).Payload.Length;
        }

        await first.Peer.SendResetAsync(id, (ushort)ResetCode.NotProcessed);
        await FluentActions.Awaiting(() => visitor.ReadToEndAsync().Within()).Should().ThrowAsync<IOException>("what it said is not at hand any more");
    }

    [Fact]
    public async Task Visitor_ThatEveryAgentRefuses_IsBrokenOff()
    {
        int port = FreePort.Find();
        await using TunnelPair pair = await StartAsync(port, hasAgent: false);
        await using OddAgent only = await ConnectAsync(pair, port, 'a');
        using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(port);
        await only.Peer.SendResetAsync(await only.NextRequestAsync(), (ushort)ResetCode.NotProcessed);
        await FluentActions.Awaiting(() => visitor.ReadToEndAsync().Within()).Should().ThrowAsync<IOException>();
        pair.Server.Held.Should().Be(0);
    }

    [Fact]
    public async Task Pool_OneOriginRefuses_IsAskedLast()
    {
        int port = FreePort.Find();
        await using TunnelPair pair = await StartAsync(port, hasAgent: false);
        await using OddAgent first = await ConnectAsync(pair, port, 'a');
        await using OddAgent second = await ConnectAsync(pair, port, 'b');
        using (ScriptedConnection refused = await ScriptedConnection.ConnectAsync(port))
        {
            await first.Peer.SendResetAsync(await first.NextRequestAsync(), (ushort)ResetCode.OriginRefused);
            await FluentActions.Awaiting(() => refused.ReadToEndAsync().Within()).Should().ThrowAsync<IOException>("it is not for us to say it again");
        }

        await pair.WhenIdleAsync();
        using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(port);
        await second.AnswerAsync(await second.NextRequestAsync().Within(), "heard");
        (await visitor.ReadToEndAsync().Within()).Should().Equal("heard"u8.ToArray());
    }

    [Fact]
    public async Task Pool_OneAgentLeavesUnderNewConnections_NoneOfThemFails()
    {
        int port = FreePort.Find();
        await using TunnelPair pair = await StartAsync(port, hasAgent: true);
        for (int round = 0; round < 3; round++)
        {
            var forwarding = new ForwardingSignal();
            await using AgentHost other = pair.StartAgent(forwarding);
            await forwarding.Times.WhenAsync(1);
            Task[] talking = [.. Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
            {
                for (int i = 0; i < 25; i++)
                {
                    using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(port);
                    await visitor.WriteAsync($"{worker}/{i}");
                    visitor.EndSending();
                    (await visitor.ReadToEndAsync().Within()).Should().Equal(System.Text.Encoding.ASCII.GetBytes($"{worker}/{i}"));
                }
            }))];
            await other.StopAsync().Within();
            await Task.WhenAll(talking).Within();
        }
    }

    private static Task<TunnelPair> StartAsync(int port, bool hasAgent) => TunnelPair.StartAsync(Echo, new PairOptions
    {
        HasAgent = hasAgent,
        Server = options => options with { Listen = options.Listen with { TcpPorts = (port, port) }, Waiting = options.Waiting with { Hold = TimeSpan.FromSeconds(1) } },
        Agent = options => options.Tunnel(tunnel => tunnel with { Protocol = "tcp", Subdomain = null, RemotePort = port, IsPooled = true }),
    });

    private static Task<OddAgent> ConnectAsync(TunnelPair pair, int port, char instance) => OddAgent.ConnectAsAsync(
        pair.Server.AgentPort,
        $$"""{"version":1,"instance":"{{new string(instance, 32)}}"}""",
        $$"""{"id":1,"type":"tcp","port":{{port}},"pool":true}""");

    private static async Task Echo(ScriptedConnection origin)
    {
        await origin.WriteAsync(await origin.ReadToEndAsync());
        origin.EndSending();
    }
}

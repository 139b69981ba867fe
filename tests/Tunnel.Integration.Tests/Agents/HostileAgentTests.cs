using Tunnel.Framing.Frames;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Agents;

/// <summary>What an agent does wrong concerns its own visitors, and even these get nothing but errors or a cut.</summary>
public sealed class HostileAgentTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: odd.localhost\r\n\r\n";

    [Theory]
    [InlineData("\0\0\0")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 0\n\n")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nraw")]
    [InlineData("HTTP/1.1 204 No Content\r\nTransfer-Encoding: gzip\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5")]
    [InlineData("")]
    public async Task Garbage_InPlaceOfAnAnswer_IsAnErrorAndTheConnectionGoesOn(string garbage)
    {
        await RunAsync(async (agent, visitor) =>
        {
            for (int i = 0; i < 3; i++)
            {
                await visitor.WriteAsync(Get);
                await agent.AnswerAsync(await agent.NextRequestAsync(), garbage);
                Answer answer = await visitor.ReadAnswerAsync().Within();
                answer.Status.Should().Be(502);
                answer["Tunnel-Error"].Should().Be("origin-invalid");
            }

            await visitor.WriteAsync(Get);
            await agent.AnswerAsync(await agent.NextRequestAsync(), Talk.Ok("sound"));
            (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("sound");
        });
    }

    [Fact]
    public async Task Bytes_BehindAnAnswer_NeverReachTheNextOne()
    {
        await RunAsync(async (agent, visitor) =>
        {
            for (int i = 0; i < 20; i++)
            {
                await visitor.WriteAsync(Get);
                await agent.AnswerAsync(await agent.NextRequestAsync(), Talk.Ok($"own {i}") + Talk.Ok("poison"), fin: i % 2 == 0);
                (await visitor.ReadAnswerAsync().Within()).Text.Should().Be($"own {i}");
            }
        });
    }

    [Fact]
    public async Task Answer_InSmallestPieces_IsAnAnswer()
    {
        await RunAsync(async (agent, visitor) =>
        {
            await visitor.WriteAsync(Get);
            uint id = await agent.NextRequestAsync();
            foreach (char c in "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n")
            {
                await agent.AnswerAsync(id, c.ToString(), fin: false);
            }

            Answer answer = await visitor.ReadAnswerAsync().Within();
            answer.Text.Should().Be("abc");
            answer.Trailers.Should().Be("X-T: 1\r\n");
        });
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")]
    public async Task Fin_InTheMiddleOfABody_BeforeAnyOfItLeft_IsAnError(string begins)
    {
        await RunAsync(async (agent, visitor) =>
        {
            for (int i = 0; i < 2; i++)
            {
                await visitor.WriteAsync(Get);
                await agent.AnswerAsync(await agent.NextRequestAsync(), begins);
                Answer answer = await visitor.ReadAnswerAsync().Within();
                answer.Status.Should().Be(502);
                answer["Tunnel-Error"].Should().Be("origin-invalid");
            }
        });
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")]
    public async Task Fin_InTheMiddleOfABody_CutsTheVisitor(string begins)
    {
        await RunAsync(async (agent, visitor) =>
        {
            await visitor.WriteAsync(Get);
            uint request = await agent.NextRequestAsync();
            await agent.AnswerAsync(request, begins, fin: false);
            await visitor.ReadHeadAsync().Within();
            await agent.AnswerAsync(request, "", fin: true);
            Func<Task> rest = () => visitor.ReadToEndAsync().Within();
            await rest.Should().ThrowAsync<IOException>();
        });
    }

    [Theory]
    [InlineData(0, 502, "origin-invalid")]
    [InlineData(1, 502, "origin-invalid")]
    [InlineData(2, 503, "too-busy")]
    [InlineData(3, 502, "origin-refused")]
    [InlineData(4, 502, "origin-invalid")]
    [InlineData(5, 504, "origin-timeout")]
    [InlineData(6, 502, "origin-invalid")]
    [InlineData(8, 503, "too-busy")]
    [InlineData(9, 502, "origin-invalid")]
    [InlineData(10, 404, "tunnel-not-found")]
    [InlineData(999, 502, "origin-invalid")]
    public async Task Reset_BeforeAnAnswer_IsTheErrorOfItsCode(ushort code, int status, string error)
    {
        await RunAsync(async (agent, visitor) =>
        {
            for (int i = 0; i < 2; i++)
            {
                await visitor.WriteAsync(Get);
                await agent.Peer.SendResetAsync(await agent.NextRequestAsync(), code, "because");
                Answer answer = await visitor.ReadAnswerAsync().Within();
                answer.Status.Should().Be(status);
                answer["Tunnel-Error"].Should().Be(error);
                answer.Text.Should().NotContain("because");
            }
        });
    }

    [Fact]
    public async Task Reset_InTheMiddleOfAnAnswer_CutsTheVisitor()
    {
        await RunAsync(async (agent, visitor) =>
        {
            await visitor.WriteAsync(Get);
            uint id = await agent.NextRequestAsync();
            await agent.AnswerAsync(id, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", fin: false);
            await visitor.ReadHeadAsync().Within();
            await agent.Peer.SendResetAsync(id, 0);
            Func<Task> rest = () => visitor.ReadToEndAsync().Within();
            await rest.Should().ThrowAsync<IOException>();
        });
    }

    [Theory]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\n", 1000)]
    [InlineData("X-Filler: 0123456789012345678901234567890123456789\r\n", 1000)]
    public async Task Flood_OfHeads_EndsInAnError(string piece, int times)
    {
        await RunAsync(async (agent, visitor) =>
        {
            await visitor.WriteAsync(Get);
            uint id = await agent.NextRequestAsync();
            string all = string.Concat(Enumerable.Repeat(piece, times));
            await agent.AnswerAsync(id, (piece[0] == 'X' ? "HTTP/1.1 200 OK\r\n" : "") + all[..Math.Min(all.Length, 30_000)], fin: false);
            await agent.Peer.SendResetAsync(id, 4);
            Answer answer;
            do
            {
                answer = await visitor.ReadAnswerAsync().Within();
            }
            while (answer.Status < 200);

            answer.Status.Should().Be(502);
        });
    }

    [Fact]
    public async Task Violation_OfTheProtocol_EndsThatSessionAlone()
    {
        await RunAsync(async (agent, visitor) =>
        {
            await visitor.WriteAsync(Get);
            await agent.NextRequestAsync();
            await agent.Peer.SendAsync(4001, FrameKind.Data, "never opened");
            Answer answer = await visitor.ReadAnswerAsync().Within();
            answer["Tunnel-Error"].Should().Be("session-lost");
            (await agent.Peer.ExpectCloseAsync()).Code.Should().Be((ushort)CloseCode.BadStreamId);
            await visitor.WriteAsync(Get);
            (await visitor.ReadAnswerAsync().Within())["Tunnel-Error"].Should().Be("agent-offline");
        });
    }

    [Fact]
    public async Task Visitor_ThatLeavesASilentAgent_CancelsItsStream()
    {
        await RunAsync(async (agent, visitor) =>
        {
            await visitor.WriteAsync(Get);
            uint id = await agent.NextRequestAsync();
            visitor.Reset();
            RawFrame reset = await agent.Peer.ExpectAsync(FrameKind.Reset);
            reset.StreamId.Should().Be(id);
            reset.Code.Should().Be((ushort)ResetCode.Cancelled);
            await agent.Peer.SendResetAsync(id, 1);
        });
    }

    // Beside an honest agent, which must not notice.
    private static async Task RunAsync(Func<OddAgent, ScriptedConnection, Task> act)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("honest")), new PairOptions
        {
            // An odd agent that goes is gone, and nobody waits for it long.
            Server = options => options with { Waiting = options.Waiting with { Hold = TimeSpan.FromSeconds(1), ResumeWindow = TimeSpan.Zero } },
        });
        await using (OddAgent agent = await OddAgent.ConnectAsync(pair.Server.AgentPort, "odd"))
        {
            ScriptedConnection visitor = await pair.VisitAsync();
            await act(agent, visitor);
            (await pair.GetAsync()).Text.Should().Be("honest");
        }

        await Eventually.TrueAsync(() => pair.Server.Counts.Agents == 1);
        (await pair.GetAsync()).Text.Should().Be("honest");
        pair.Forwarding.Times.Count.Should().Be(1, "the honest session never broke");
    }
}

using System.Diagnostics.Metrics;
using Tunnel.Framing.Frames;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Agents;

/// <summary>
/// Requests that an agent has, and has not begun to answer, when its session ends or loses its link: which of them go to
/// another session, and how long the others wait.
/// </summary>
public sealed class LostRequestTests
{
    private const string Second = "fedcba9876543210fedcba9876543210";

    [Theory]
    [InlineData("GET", "")]
    [InlineData("PUT", "hello")]
    [InlineData("DELETE", "")]
    public async Task Session_ThatEnds_ItsIdempotentRequestsGoToTheOneBeside(string method, string body)
    {
        await using TunnelPair pair = await StartAsync();
        await using OddAgent first = await ConnectAsync(pair, 0);
        Task<Answer> asking = pair.AskAsync(Request(method, body));
        await first.NextRequestAsync();
        await using OddAgent second = await ConnectAsync(pair, 1);
        await first.DisposeAsync();
        uint id = await second.NextRequestAsync().Within();
        second.LastHead.Should().Contain($"{method} / HTTP/1.1").And.EndWith($"\r\n\r\n{body}");
        await second.AnswerAsync(id, Talk.Ok("after all"));
        (await asking.Within()).Text.Should().Be("after all");
    }

    [Fact]
    public async Task Session_ThatEnds_AnUploadUnderWayGoesOnAtTheOneBeside()
    {
        await using TunnelPair pair = await StartAsync();
        await using OddAgent first = await ConnectAsync(pair, 0);
        using ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync("PUT / HTTP/1.1\r\nHost: odd.localhost\r\nContent-Length: 11\r\n\r\nhello ");
        await first.NextRequestAsync();
        await using OddAgent second = await ConnectAsync(pair, 1);
        await first.DisposeAsync();
        uint id = await second.NextRequestAsync().Within();
        second.LastHead.Should().EndWith("\r\n\r\nhello ");
        await visitor.WriteAsync("world");
        (await second.Peer.ExpectAsync(FrameKind.Data)).Text.Should().Be("world");
        await second.AnswerAsync(id, Talk.Ok("after all"));
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("after all");
    }

    [Theory]
    [InlineData("POST", "hello")]
    [InlineData("PATCH", "hello")]
    [InlineData("LOCK", "")]
    public async Task Session_ThatEnds_WhatMayNotRunTwiceEndsWithIt(string method, string body)
    {
        await using TunnelPair pair = await StartAsync();
        await using OddAgent first = await ConnectAsync(pair, 0);
        Task<Answer> asking = pair.AskAsync(Request(method, body));
        await first.NextRequestAsync();
        await using OddAgent second = await ConnectAsync(pair, 1);
        await first.DisposeAsync();
        Answer answer = await asking.Within();
        (answer.Status, answer["Tunnel-Error"]).Should().Be((502, "session-lost"));
    }

    [Fact]
    public async Task Session_ThatEnds_ABodyThatIsNotAtHandEndsWithIt()
    {
        await using TunnelPair pair = await StartAsync();
        await using OddAgent first = await ConnectAsync(pair, 0);
        using ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync("PUT / HTTP/1.1\r\nHost: odd.localhost\r\nContent-Length: 200000\r\n\r\n");
        uint id = await first.NextRequestAsync();
        await first.Peer.SendCreditAsync(id, 1024 * 1024);
        await visitor.WriteAsync(new byte[150_000]);
        for (int bytes = 0; bytes < 150_000;)
        {
            bytes += (await first.Peer.ExpectAsync(FrameKind.Data)).Payload.Length;
        }

        await using OddAgent second = await ConnectAsync(pair, 1);
        await first.DisposeAsync();
        Answer answer = await visitor.ReadAnswerAsync().Within();
        (answer.Status, answer["Tunnel-Error"]).Should().Be((502, "session-lost"));
    }

    [Fact]
    public async Task Session_ThatEndsBehindAnInterimAnswer_TakesItsRequestAlong()
    {
        await using TunnelPair pair = await StartAsync();
        await using OddAgent first = await ConnectAsync(pair, 0);
        using ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync(Request("GET", ""));
        await first.AnswerAsync(await first.NextRequestAsync(), "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n", fin: false);
        (await visitor.ReadAnswerAsync().Within()).Status.Should().Be(103);
        await using OddAgent second = await ConnectAsync(pair, 1);
        await first.DisposeAsync();
        (await visitor.ReadAnswerAsync().Within())["Tunnel-Error"].Should().Be("session-lost");
    }

    [Fact]
    public async Task Request_ThatLosesItsSecondSessionToo_IsNotSentAThirdTime()
    {
        using var repeats = new MeterListener();
        int repeated = 0;
        repeats.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "tunnel.server.request_repeats")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        repeats.SetMeasurementEventCallback<long>((_, by, _, _) => Interlocked.Add(ref repeated, (int)by));
        repeats.Start();
        await using TunnelPair pair = await StartAsync();
        await using OddAgent first = await ConnectAsync(pair, 0);
        Task<Answer> asking = pair.AskAsync(Request("GET", ""));
        await first.NextRequestAsync();
        await using OddAgent second = await ConnectAsync(pair, 1);
        await first.DisposeAsync();
        await second.NextRequestAsync().Within();
        await using OddAgent third = await ConnectAsync(pair, 2);
        await second.DisposeAsync();
        (await asking.Within())["Tunnel-Error"].Should().Be("session-lost");
        repeated.Should().BePositive();
    }

    [Theory]
    [InlineData("GET", true)]
    [InlineData("HEAD", true)]
    [InlineData("OPTIONS", true)]
    [InlineData("PUT", false)]
    [InlineData("DELETE", false)]
    [InlineData("POST", false)]
    public async Task Session_ThatIsOnlyDetached_WhatMayRunAgainLaterGoesToTheOneBeside(string method, bool moves)
    {
        await using TunnelPair pair = await StartAsync();
        OddAgent first = await ConnectAsync(pair, 0);
        Task<Answer> asking = pair.AskAsync(Request(method, ""));
        await first.NextRequestAsync();
        await using OddAgent second = await ConnectAsync(pair, 1);
        await first.KillAsync();
        await WhenDetachedAsync(pair);
        if (moves)
        {
            pair.Time.Advance(TimeSpan.FromSeconds(1));
            await second.AnswerAsync(await second.NextRequestAsync().Within(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            (await asking.Within()).Status.Should().Be(200);
        }

        for (int passed = 0; passed < 15; passed++)
        {
            pair.Time.Advance(TimeSpan.FromSeconds(1));
        }

        asking.IsCompleted.Should().Be(moves);
        if (method is "PUT" or "DELETE")
        {
            // Acknowledged or not, nobody knows whether it ran; when the window is over it can run only once more.
            pair.Server.OpenStreams.Should().Be(1);
        }

        await pair.AdvanceUntilAsync(Eventually.TrueAsync(() => pair.Server.OpenStreams == 0));
        await asking.Within();
    }

    [Fact]
    public async Task Session_ReplacedByItsAgentStartedAgain_ItsRequestsGoToTheNewOne()
    {
        await using TunnelPair pair = await StartAsync();
        OddAgent killed = await ConnectAsync(pair, 0);
        Task<Answer> asking = pair.AskAsync(Request("GET", ""));
        await killed.NextRequestAsync();
        await AcknowledgeAsync(killed);
        await killed.KillAsync();
        await WhenDetachedAsync(pair);

        // Longer than any request waits for a session that is not there.
        for (int second = 0; second < 40; second++)
        {
            pair.Time.Advance(TimeSpan.FromSeconds(1));
        }

        asking.IsCompleted.Should().BeFalse();
        await using OddAgent again = await ConnectAsync(pair, 0, run: Second);
        await again.AnswerAsync(await again.NextRequestAsync().Within(), Talk.Ok("again"));
        (await asking.Within()).Text.Should().Be("again");
    }

    [Theory]
    [InlineData("GET", 503, "agent-offline")]
    [InlineData("POST", 502, "session-lost")]
    public async Task Request_SentToAnAgentThatIsNotThereAnyMore_WaitsNoLongerThanOneThatIsHeld(string method, int status, string error)
    {
        await using TunnelPair pair = await StartAsync();
        OddAgent asleep = await ConnectAsync(pair, 0);
        Task<Answer> first = pair.AskAsync(Request(method, ""));
        await Eventually.TrueAsync(() => pair.Server.OpenStreams == 1);
        await asleep.NextRequestAsync();
        await asleep.KillAsync();
        await WhenDetachedAsync(pair);
        for (int second = 0; second < 19; second++)
        {
            pair.Time.Advance(TimeSpan.FromSeconds(1));
        }

        first.IsCompleted.Should().BeFalse();
        pair.Time.Advance(TimeSpan.FromSeconds(1));
        pair.Time.Advance(TimeSpan.FromSeconds(1));
        Answer answer = await first.Within();
        (answer.Status, answer["Tunnel-Error"]).Should().Be((status, error));
        await pair.AdvanceUntilAsync(Eventually.TrueAsync(() => pair.Server.Counts.Agents == 0));
    }

    [Fact]
    public async Task Request_ThatItsAgentHas_WaitsForTheAgentAsLongAsItsSession()
    {
        await using TunnelPair pair = await StartAsync();
        OddAgent agent = await ConnectAsync(pair, 0);
        Task<Answer> asking = pair.AskAsync(Request("GET", ""));
        await agent.NextRequestAsync();
        await AcknowledgeAsync(agent);
        await agent.KillAsync();
        await WhenDetachedAsync(pair);
        for (int second = 0; second < 55; second++)
        {
            pair.Time.Advance(TimeSpan.FromSeconds(1));
        }

        asking.IsCompleted.Should().BeFalse("its agent may be at work on it");
        await pair.AdvanceUntilAsync(asking);
        (await asking)["Tunnel-Error"].Should().Be("session-lost");
    }

    [Theory]
    [InlineData("")]
    [InlineData("Content-Length: 5\r\nExpect: 100-continue\r\n")]
    [InlineData("Content-Length: 500000\r\n")]
    public async Task Agent_ThatNeverAnswers_HoldsNobodyBeyondTheServersOwnLimit(string fields)
    {
        await using TunnelPair pair = await StartAsync(options => options with { Visitors = options.Visitors with { AnswerTime = TimeSpan.FromSeconds(100) } });
        await using OddAgent silent = await ConnectAsync(pair, 0);
        using ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"PUT / HTTP/1.1\r\nHost: odd.localhost\r\n{fields}\r\n");
        Task<Answer> asking = visitor.ReadAnswerAsync();
        if (fields.EndsWith("000\r\n", StringComparison.Ordinal))
        {
            // More than it grants: what it does not take is no fault of the visitor's.
            _ = visitor.Socket.SendAsync(new byte[500_000]);
        }

        uint id = await silent.NextRequestAsync();
        for (int second = 0; second < 98; second++)
        {
            pair.Time.Advance(TimeSpan.FromSeconds(1));
        }

        asking.IsCompleted.Should().BeFalse();
        await pair.AdvanceUntilAsync(asking);
        Answer answer = await asking;
        (answer.Status, answer["Tunnel-Error"]).Should().Be((504, "origin-timeout"));
        RawFrame reset;
        do
        {
            reset = await silent.Peer.ExpectAsync(FrameKind.Reset, FrameKind.Data);
        }
        while (reset.Kind == FrameKind.Data);
        reset.Code.Should().Be((ushort)ResetCode.OriginTimeout);
        await silent.Peer.SendResetAsync(id, (ushort)ResetCode.OriginTimeout);

        // What is left of the body is heard out in the server's time.
        visitor.Close();
        await pair.AdvanceUntilAsync(Eventually.TrueAsync(() => pair.Server.Counts.Visitors == 0));
    }

    [Fact]
    public async Task Upload_ThatGoesOn_IsNoLateAnswer()
    {
        await using TunnelPair pair = await StartAsync(options => options with { Visitors = options.Visitors with { AnswerTime = TimeSpan.FromSeconds(20), IdleTime = TimeSpan.FromSeconds(75) } });
        await using OddAgent agent = await ConnectAsync(pair, 0);
        using ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync("PUT / HTTP/1.1\r\nHost: odd.localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
        uint id = await agent.NextRequestAsync();
        for (int part = 0; part < 10; part++)
        {
            await visitor.WriteAsync("5\r\nhello\r\n");
            await agent.Peer.ExpectAsync(FrameKind.Data);
            for (int second = 0; second < 10; second++)
            {
                pair.Time.Advance(TimeSpan.FromSeconds(1));
            }
        }

        await visitor.WriteAsync("0\r\n\r\n");
        await agent.AnswerAsync(id, Talk.Ok("in time"));
        (await visitor.ReadAnswerAsync().Within()).Text.Should().Be("in time");
    }

    private static string Request(string method, string body) =>
        $"{method} / HTTP/1.1\r\nHost: odd.localhost\r\nContent-Length: {body.Length}\r\n\r\n{body}";

    private static Task WhenDetachedAsync(TunnelPair pair) => Eventually.TrueAsync(
        () => pair.Log.Any(line => line.Contains("is disconnected", StringComparison.Ordinal)), what: "the link is found lost");

    // A reset of the link could overtake the ACK: the PONG says that it has arrived.
    private static async Task AcknowledgeAsync(OddAgent agent)
    {
        await agent.Peer.SendNumberAsync(FrameKind.Ack, agent.Peer.Sequenced);
        await agent.Peer.SendNumberAsync(FrameKind.Ping, 77);
        while ((await agent.Peer.ExpectAsync(FrameKind.Pong, FrameKind.Ping, FrameKind.Ack)).Kind != FrameKind.Pong)
        {
        }
    }

    private static Task<TunnelPair> StartAsync(Func<Tunnel.Server.ServerOptions, Tunnel.Server.ServerOptions>? change = null) =>
        TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions
        {
            HasAgent = false,
            IsTimeFake = true,
            Server = change ?? (options => options),
        });

    private static Task<OddAgent> ConnectAsync(TunnelPair pair, int slot, string run = OddAgent.Instance) => OddAgent.ConnectAsAsync(
        pair.Server.AgentPort,
        $$"""{"version":1,"instance":"{{OddAgent.Instance}}","run":"{{run}}","slot":{{slot}}}""",
        """{"id":1,"type":"http","subdomain":"odd"}""");
}

using System.Net.Sockets;
using Tunnel.Agent;
using Tunnel.Agent.Connection;
using Tunnel.Framing.Frames;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Agents;

/// <summary>A stop lets running requests finish, takes nothing new, and does not outlast its grace.</summary>
public sealed class StoppingTests
{
    private const string Get = $"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n";

    [Fact]
    public async Task Agent_ThatStops_FinishesWhatRunsAndTakesNothingNew()
    {
        var go = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(AnswerWhen(go), PairOptions.Impatient);
        Task<Answer> running = pair.GetAsync();
        await pair.Origin.Accepted.WhenAsync(1);
        Task stopping = pair.Agent.StopAsync();
        await Eventually.TrueAsync(() => pair.Server.Counts.Names == 0);
        (await pair.GetAsync())["Tunnel-Error"].Should().Be("agent-offline");
        stopping.IsCompleted.Should().BeFalse();
        go.Add();
        (await running.Within()).Text.Should().Be("finished");
        await stopping.Within();
        (await pair.Agent.Exited).Should().Be(AgentExit.Stopped);
    }

    [Fact]
    public async Task Agent_ThatStopsWithoutALink_FirstDeliversWhatItHasAnswered()
    {
        var go = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(AnswerWhen(go), new PairOptions { HasAgent = false });
        await using var relay = new LinkRelay(() => pair.Server.AgentPort);
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding, options => options.Link(link => link with { Port = relay.Port }));
        await forwarding.Times.WhenAsync(1);
        Task<Answer> running = pair.GetAsync();
        await pair.Origin.Accepted.WhenAsync(1);
        relay.Swallow();
        go.Add();
        await Eventually.TrueAsync(() => agent.Counts.Streams == 0, what: "the answer has left, and arrives nowhere");
        relay.Close();
        await Eventually.TrueAsync(() => agent.Status.State == AgentState.Reconnecting);
        Task stopping = agent.StopAsync();
        relay.Open();
        await Eventually.TrueAsync(() =>
        {
            agent.Poke();
            return running.IsCompleted;
        });
        (await running).Text.Should().Be("finished");
        await stopping.Within();
    }

    [Fact]
    public async Task Agent_WhoseGraceIsOver_StopsAllTheSame()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(AnswerWhen(new Tally()), new PairOptions { IsTimeFake = true });
        Task<Answer> running = pair.GetAsync();
        await pair.Origin.Accepted.WhenAsync(1);
        await pair.AdvanceUntilAsync(pair.Agent.StopAsync());
        (await running.Within())["Tunnel-Error"].Should().Be("session-lost");
    }

    [Fact]
    public async Task Agent_ThatIsDisposedWhileItStops_DoesNotWaitForTheGrace()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(AnswerWhen(new Tally()), new PairOptions { IsTimeFake = true });
        Task<Answer> running = pair.GetAsync();
        await pair.Origin.Accepted.WhenAsync(1);
        Task stopping = pair.Agent.StopAsync();
        await pair.Agent.DisposeAsync().Within();
        await stopping.Within();

        // It waits for another agent of the name, as if it had just come.
        await pair.AdvanceUntilAsync(running);
        (await running)["Tunnel-Error"].Should().Be("session-lost");
    }

    [Fact]
    public async Task Server_ThatStopsWhileAnAgentSaysHello_TellsItSo()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(AnswerWhen(new Tally()), new PairOptions { HasAgent = false, IsTimeFake = true });
        await using OddAgent agent = await OddAgent.DialAsync(pair.Server.AgentPort);
        await using OddAgent silent = await OddAgent.DialAsync(pair.Server.AgentPort);
        await using (OddAgent third = await OddAgent.DialAsync(pair.Server.AgentPort))
        {
            // They are taken in by turns: who is answered came behind both.
            await third.HelloAsync("nothing");
            await third.Peer.ExpectAsync(FrameKind.Reject);
        }

        Task stopping = pair.Server.StopAsync();
        await Eventually.TrueAsync(() => !IsListening(pair.Server.AgentPort), what: "nobody else comes in");
        await agent.HelloAsync($$"""{"version":1,"instance":"{{OddAgent.Instance}}"}""");
        (await agent.Peer.ExpectAsync(FrameKind.Reject)).Text.Should().Contain(RejectCodes.Draining);

        // One that says nothing delays the stop, but not for long.
        stopping.IsCompleted.Should().BeFalse();
        await pair.AdvanceUntilAsync(stopping);
    }

    [Fact]
    public async Task Server_ThatStops_FinishesWhatRunsAndTakesNothingNew()
    {
        var go = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(AnswerWhen(go), new PairOptions
        {
            IsTimeFake = true,
            Server = options => options with { Grace = TimeSpan.FromHours(1) },
        });
        ScriptedConnection idle = await pair.VisitAsync();
        ScriptedConnection busy = await pair.VisitAsync();
        await busy.WriteAsync(Get);
        await pair.Origin.Accepted.WhenAsync(1);
        Task stopping = pair.Server.StopAsync();
        Task<byte[]> end = idle.ReadToEndAsync();
        await pair.AdvanceUntilAsync(end);
        (await end).Should().BeEmpty("idle connections close after a moment");
        Func<Task> late = () => ScriptedConnection.ConnectAsync(pair.Server.HttpPort);
        await late.Should().ThrowAsync<SocketException>();
        // Agents are told when the visitors that have come are settled.
        await Eventually.TrueAsync(() => pair.Log.Any(line => line.Contains("The server is stopping", StringComparison.Ordinal)), what: "the agent is told");
        await using (OddAgent agent = await OddAgent.DialAsync(pair.Server.AgentPort))
        {
            await agent.HelloAsync($$"""{"version":1,"instance":"{{OddAgent.Instance}}"}""");
            (await agent.Peer.ExpectAsync(FrameKind.Reject)).Text.Should().Contain(RejectCodes.Draining);
        }

        stopping.IsCompleted.Should().BeFalse();
        go.Add();
        Answer answer = await busy.ReadAnswerAsync().Within();
        answer.Text.Should().Be("finished");
        answer["Connection"].Should().Be("close");
        busy.Close();
        await stopping.Within();
    }

    [Fact]
    public async Task Server_ThatStops_AnswersWhatIsOnItsWayOnConnectionsThatWereIdle()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("answered")), new PairOptions { IsTimeFake = true });
        ScriptedConnection used = await pair.VisitAsync();
        await used.WriteAsync(Get);
        (await used.ReadAnswerAsync().Within())["Connection"].Should().BeNull();
        ScriptedConnection unused = await pair.VisitAsync();
        ScriptedConnection idle = await pair.VisitAsync();
        Task stopping = pair.Server.StopAsync();
        Func<Task> late = () => ScriptedConnection.ConnectAsync(pair.Server.HttpPort);
        await Eventually.TrueAsync(() => Record.ExceptionAsync(late).GetAwaiter().GetResult() is SocketException, what: "nobody is taken in any more");
        foreach (ScriptedConnection visitor in (ScriptedConnection[])[used, unused])
        {
            await visitor.WriteAsync(Get);
            Answer answer = await visitor.ReadAnswerAsync().Within();
            answer.Text.Should().Be("answered");
            answer["Connection"].Should().Be("close");
            (await visitor.ReadToEndAsync().Within()).Should().BeEmpty();
            visitor.Close();
        }

        Task<byte[]> end = idle.ReadToEndAsync();
        end.IsCompleted.Should().BeFalse();
        await pair.AdvanceUntilAsync(end);
        await pair.AdvanceUntilAsync(stopping);
    }

    [Fact]
    public async Task Server_WhoseGraceIsOver_CutsWhatStillRuns()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(AnswerWhen(new Tally()), new PairOptions { IsTimeFake = true });
        ScriptedConnection busy = await pair.VisitAsync();

        // A byte behind the request: there is no read under way that would notice the cut.
        await busy.WriteAsync(Get + "G");
        await pair.Origin.Accepted.WhenAsync(1);
        Task<Exception?> reading = Record.ExceptionAsync(busy.ReadToEndAsync);
        await pair.AdvanceUntilAsync(pair.Server.StopAsync());
        (await reading.Within()).Should().BeAssignableTo<IOException>();
        await pair.Origin.Ended.WhenAsync(1);
    }

    [Fact]
    public async Task Server_ThatIsDisposedWhileItStops_CutsRawConnectionsToo()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
            await connection.ReadToEndAsync();
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
        (await visitor.ReadAnswerAsync().Within()).Status.Should().Be(101);
        Task stopping = pair.Server.StopAsync();
        await visitor.WriteAsync("still open");
        await pair.Server.DisposeAsync().Within();
        await stopping.Within();
        Func<Task> read = () => visitor.ReadToEndAsync().Within();
        await read.Should().ThrowAsync<IOException>();
    }

    [Fact]
    public async Task Stop_BetweenManyRequests_LosesNoAnswerThatHasBegun()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok(new string('x', 10_000))));

        // All stand before the stop: who is on the way when a port closes may be reset.
        ScriptedConnection[] connections = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => ScriptedConnection.ConnectAsync(pair.Server.HttpPort)));
        Task<int>[] visitors = [.. connections.Select(VisitUntilClosedAsync)];
        await pair.Origin.Accepted.WhenAsync(1);
        await pair.Server.StopAsync().Within();
        (await Task.WhenAll(visitors).Within()).Should().OnlyContain(answers => answers >= 0);
    }

    // Every answer that begins is whole; the connection ends between two of them.
    private static async Task<int> VisitUntilClosedAsync(ScriptedConnection connection)
    {
        using ScriptedConnection visitor = connection;
        for (int answers = 0; ; answers++)
        {
            try
            {
                await visitor.WriteAsync(Get);
                if (await visitor.ReadHeadAsync() is not { } head)
                {
                    return answers;
                }

                (byte[] body, _) = await visitor.ReadBodyAsync(head);
                (head.Field("Tunnel-Error") is not null || body.Length == 10_000).Should().BeTrue();
            }
            catch (Exception error) when (error is IOException and not EndOfStreamException)
            {
                // Our next request crossed with the close.
                return answers;
            }
        }
    }

    private static Func<ScriptedConnection, Task> AnswerWhen(Tally go) => async connection =>
    {
        await connection.ReadHeadAsync();
        Task<byte[]> end = connection.ReadToEndAsync();
        if (await Task.WhenAny(go.WhenAsync(1), end) != end)
        {
            await connection.WriteAsync(Talk.Ok("finished"));
            await end;
        }
    };

    private static bool IsListening(int port)
    {
        try
        {
            new TcpClient("127.0.0.1", port).Dispose();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

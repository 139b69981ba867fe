using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Framing.Tests.Sessions;
using Xunit.Abstractions;

namespace Tunnel.Framing.Tests.Fuzz;

/// <summary>
/// Many streams treated at random by several tasks on both ends at once. Whatever was promised (a half that was
/// finished, on a stream that nobody broke off) arrived; nothing is left at the end, however the session ends.
/// </summary>
public sealed class StressTests(ITestOutputHelper output)
{
    private const int Workers = 6;
    private const int StreamsEach = 25;

    [Fact]
    public async Task Streams_TreatedAtRandom_KeepTheirPromisesAndLeaveNothing()
    {
        foreach (int seed in FuzzBudget.Seeds(12, output))
        {
            try
            {
                await RoundAsync(seed).Within(FuzzBudget.Limit);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"Seed {seed}. {Snapshot.Of(_pair)}", error);
            }
        }
    }

    private SessionPair? _pair;

    private async Task RoundAsync(int seed)
    {
        var random = new Random(seed);
        var link = new MemoryLink(new MemoryLinkOptions { PauseAt = random.Next(3) == 0 ? 2000 : 64 * 1024 });
        var serving = new List<Task>();
        var options = new SessionOptions
        {
            MaxStreams = random.Next(4) == 0 ? Workers / 2 : 1024,
            SessionMemory = random.Next(3) == 0 ? 1024L * ProtocolLimits.LeastWindow : 64L * 1024 * 1024,
            WaitingPerStream = random.Next(2) == 0 ? 16 * 1024 : 64 * 1024,
        };
        SessionPair pair = SessionPair.Start(link.A, link.B, options, serve: stream =>
        {
            lock (serving)
            {
                serving.Add(Task.Run(() => TreatedStream.ServeAsync(stream)));
            }
        });

        _pair = pair;
        int ending = random.Next(4);
        Task working = Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(() => WorkAsync(pair, (seed * 100) + worker))));
        if (ending == 0)
        {
            // In the middle of it.
            await Until.TrueAsync(() => pair.Server.Counts.Received > 100_000 || working.IsCompleted);
            link.Cut(random.Next(2) == 0 ? new IOException("torn") : null);
        }
        else if (ending == 1)
        {
            await Until.TrueAsync(() => pair.Server.Counts.Received > 100_000 || working.IsCompleted);
            (random.Next(2) == 0 ? pair.Server : pair.Agent).Close(CloseCode.Replaced, "in the middle of it");
        }
        else if (ending == 2)
        {
            await Until.TrueAsync(() => pair.Server.Counts.Received > 100_000 || working.IsCompleted);
            (random.Next(2) == 0 ? pair.Server : pair.Agent).Leave("shutdown", true, TimeSpan.Zero, TimeSpan.FromMinutes(5));
        }

        await working;
        if (ending == 3)
        {
            Task[] all;
            lock (serving)
            {
                all = [.. serving];
            }

            await Task.WhenAll(all);
            await pair.CloseAsync();
            return;
        }

        SessionEnd server = await pair.ServerRun;
        SessionEnd agent = await pair.AgentRun;
        if (ending == 2)
        {
            (server.Code, agent.Code).Should().Be((CloseCode.Normal, CloseCode.Normal));
            new[] { server.Message, agent.Message }.Should().OnlyContain(message => message == "all streams are finished");
        }

        server.Code.Should().NotBe(CloseCode.InternalError, server.Message);
        agent.Code.Should().NotBe(CloseCode.InternalError, agent.Message);
        await Task.WhenAll(serving);
        pair.AssertNothingIsLeft();
    }

    private static async Task WorkAsync(SessionPair pair, int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < StreamsEach; i++)
        {
            TunnelStream? stream = pair.TryOpen();
            if (stream is null)
            {
                if (pair.Server.Ended.IsCompleted || pair.Server.IsLeaving)
                {
                    return;
                }

                // The limit is reached; others have to finish first.
                await Task.Yield();
                continue;
            }

            using (stream)
            {
                await TreatedStream.AskAsync(stream, new StreamPlan(random.Next()));
            }
        }
    }
}

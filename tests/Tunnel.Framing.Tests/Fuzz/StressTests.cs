using System.Buffers.Binary;
using System.IO.Pipelines;
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
                serving.Add(Task.Run(() => AgentAsync(stream)));
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
                var plan = new Plan(random.Next());
                await TreatAsync(stream, plan, plan.Request, plan.ServerMood, plan.Answer, plan.AgentMood, sendsPlan: true);
            }
        }
    }

    private static async Task AgentAsync(TunnelStream stream)
    {
        using (stream)
        {
            try
            {
                ReadResult first = await stream.Input.ReadAtLeastAsync(4);
                if (first.Buffer.Length < 4)
                {
                    stream.Input.AdvanceTo(first.Buffer.End);
                    return;
                }

                byte[] seed = System.Buffers.BuffersExtensions.ToArray(first.Buffer.Slice(0, 4));
                stream.Input.AdvanceTo(first.Buffer.GetPosition(4));
                var plan = new Plan(BinaryPrimitives.ReadInt32BigEndian(seed));
                await TreatAsync(stream, plan, plan.Answer, plan.AgentMood, plan.Request, plan.ServerMood, sendsPlan: false);
            }
            catch (StreamResetException)
            {
                // Broken off before it said what it wants.
            }
        }
    }

    // One end of a stream: sends its part and receives the other's at the same time, in its mood.
    private static async Task TreatAsync(
        TunnelStream stream, Plan plan, int toSend, Mood own, int toReceive, Mood other, bool sendsPlan)
    {
        Task<bool> sending = Task.Run(() => SendAsync(stream, plan, toSend, own, sendsPlan));
        Task<int?> receiving = Task.Run(() => ReceiveAsync(stream, toReceive, own));
        if (own == Mood.AbortFromOutside)
        {
            stream.Abort(ResetCode.Cancelled, "from outside");
        }

        bool sentAll = await sending;
        int? received = await receiving;
        bool nobodyBreaksOff = own == Mood.Whole && other == Mood.Whole;
        if (nobodyBreaksOff && stream.ResetCode is null)
        {
            sentAll.Should().BeTrue();
            received.Should().Be(toReceive);
        }

        if (nobodyBreaksOff && stream.ResetCode is { } code)
        {
            code.Should().BeOneOf(ResetCode.SessionLost, ResetCode.NotProcessed);
        }
    }

    private static async Task<bool> SendAsync(TunnelStream stream, Plan plan, int bytes, Mood mood, bool sendsPlan)
    {
        var random = new Random(plan.Seed);
        int end = mood == Mood.StopSending ? random.Next(bytes + 1) : bytes;
        if (sendsPlan)
        {
            BinaryPrimitives.WriteInt32BigEndian(stream.Output.GetSpan(4), plan.Seed);
            stream.Output.Advance(4);
        }

        for (int sent = 0; sent < end;)
        {
            int size = Math.Min(random.Next(1, 10_000), end - sent);
            Span<byte> span = stream.Output.GetSpan(size)[..size];
            for (int i = 0; i < size; i++)
            {
                span[i] = (byte)((sent + i) * 31);
            }

            stream.Output.Advance(size);
            sent += size;
            if (random.Next(3) != 0 && (await stream.Output.FlushAsync()).IsCompleted)
            {
                return false;
            }
        }

        if (mood == Mood.StopSending)
        {
            stream.Abort(ResetCode.OriginReset, "in the middle");
            return false;
        }

        if (mood == Mood.NeverFinish)
        {
            await stream.Output.FlushAsync();
            return false;
        }

        await stream.Output.CompleteAsync();
        return true;
    }

    private static async Task<int?> ReceiveAsync(TunnelStream stream, int bytes, Mood mood)
    {
        int received = 0;
        try
        {
            while (true)
            {
                ReadResult result = await stream.Input.ReadAsync();
                foreach (ReadOnlyMemory<byte> segment in result.Buffer)
                {
                    foreach (byte one in segment.Span)
                    {
                        if (one != (byte)(received * 31))
                        {
                            throw new InvalidOperationException($"Byte {received} is {one}.");
                        }

                        received++;
                    }
                }

                stream.Input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    return received;
                }

                if (mood == Mood.StopReading && received > bytes / 3)
                {
                    await stream.Input.CompleteAsync();
                    return null;
                }
            }
        }
        catch (StreamResetException)
        {
            return null;
        }
    }

    private enum Mood
    {
        Whole,
        StopSending,
        StopReading,
        NeverFinish,
        AbortFromOutside,
    }

    // Both ends know what the other is going to do.
    private sealed class Plan
    {
        public Plan(int seed)
        {
            Seed = seed;
            var random = new Random(seed);
            Request = Size(random);
            Answer = Size(random);
            ServerMood = MoodOf(random);
            AgentMood = MoodOf(random);
            if (ServerMood == Mood.NeverFinish && AgentMood == Mood.NeverFinish)
            {
                // Each would read until the other ends.
                AgentMood = Mood.Whole;
            }
        }

        public int Seed { get; }

        public int Request { get; }

        public int Answer { get; }

        public Mood ServerMood { get; }

        public Mood AgentMood { get; }

        private static int Size(Random random) => random.Next(4) switch
        {
            0 => 0,
            1 => random.Next(100),
            2 => random.Next(40_000),
            _ => random.Next(400_000),
        };

        private static Mood MoodOf(Random random) => random.Next(8) switch
        {
            0 => Mood.StopSending,
            1 => Mood.StopReading,
            2 => Mood.NeverFinish,
            3 => Mood.AbortFromOutside,
            _ => Mood.Whole,
        };
    }
}

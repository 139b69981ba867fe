using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Framing.Tests.Sessions;
using Xunit.Abstractions;

namespace Tunnel.Framing.Tests.Fuzz;

/// <summary>A whole session fed with legal and spoilt conversations: it always ends, in a named way, and leaks nothing.</summary>
public sealed class SessionFuzzTests(ITestOutputHelper output)
{
    [Fact]
    public Task Session_FedWithSpoiltConversations_AlwaysEndsAndLeaksNothing() => FuzzAsync(LinkRole.Agent, 400, leastEnds: 7);

    [Fact]
    public Task ServersSession_FedWithSpoiltAnswers_AlwaysEndsAndLeaksNothing() => FuzzAsync(LinkRole.Server, 300, leastEnds: 5);

    private async Task FuzzAsync(LinkRole role, int inTheGate, int leastEnds)
    {
        var ends = new Dictionary<(SessionEndKind, CloseCode), int>();
        foreach (int seed in FuzzBudget.Seeds(inTheGate, output))
        {
            try
            {
                SessionEnd end = await RunAsync(role, seed).Within(FuzzBudget.Limit);
                end.Code.Should().NotBe(CloseCode.InternalError, "that is a fault of ours: {0}", end.Message);
                ends[(end.Kind, end.Code)] = ends.GetValueOrDefault((end.Kind, end.Code)) + 1;
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"Seed {seed}", error);
            }
        }

        // The target is worth something only while it still gets to many different ends.
        ends.Count.Should().BeGreaterThanOrEqualTo(leastEnds);
    }

    private static async Task<SessionEnd> RunAsync(LinkRole role, int seed)
    {
        var random = new Random(seed);
        int streams = random.Next(1, 16);
        byte[] bytes = role == LinkRole.Agent
            ? Conversation.OfServer(random, random.Next(1, 60))
            : Conversation.OfAgent(random, random.Next(1, 60), streams);
        if (random.Next(5) != 0)
        {
            bytes = Conversation.Mutate(random, bytes);
        }

        List<Task> serving = [];
        SessionEnd end;
        await using (var session = new RawSession(
            role,
            new SessionOptions { FloodAtOnce = 50, MaxStreams = 16, SessionMemory = 1024 * 1024 },
            pauseAt: random.Next(2) == 0 ? 1024 : 1024 * 1024,
            serve: stream =>
            {
                int mood = random.Next(5);
                serving.Add(Task.Run(() => ServeAsync(stream, mood)));
            }))
        {
            Task reading = ReadAllAsync(role, session.Peer);
            for (int i = 0; role == LinkRole.Server && i < streams; i++)
            {
                if (session.Session.TryOpen(new OpenHeader(StreamType.Http, VisitorScheme.Http, 1, default, 0)) is { } stream)
                {
                    int mood = random.Next(5);
                    serving.Add(Task.Run(() => ServeAsync(stream, mood)));
                }
            }

            for (int at = 0; at < bytes.Length && !session.Session.Ended.IsCompleted;)
            {
                int size = Math.Min(random.Next(1, 4000), bytes.Length - at);
                await Task.WhenAny(session.Session.Ended, session.Peer.SendAsync(bytes.AsMemory(at, size)));
                at += size;
            }

            await session.Peer.Link.Output.CompleteAsync();
            end = await session.Session.Ended.Within();
            await session.AdvanceUntilEndAsync();
            await reading.Within();
            await Task.WhenAll(serving).Within();
        }

        return end;
    }

    // What the session writes must be whole, legal frames to its last byte.
    private static async Task ReadAllAsync(LinkRole role, RawPeer peer)
    {
        try
        {
            while (await peer.ReadAsync() is { } frame)
            {
                var buffer = new System.Buffers.ReadOnlySequence<byte>(RawPeer.Frame(frame.StreamId, frame.Kind, frame.Payload, frame.IsFin));
                FrameReader.TryRead(ref buffer, role, out _, out _).Should().BeTrue();
            }
        }
        catch (Exception error) when (error is EndOfStreamException or IOException)
        {
            // The session gave the link up in the middle of a frame; that is what "lost" is.
        }
    }

    private static async Task ServeAsync(TunnelStream stream, int mood)
    {
        using (stream)
        {
            try
            {
                switch (mood)
                {
                    case 0:
                        stream.Abort(ResetCode.OriginRefused, "not today");
                        return;
                    case 1:
                        await stream.Output.WriteAsync("at once"u8.ToArray());
                        await stream.Output.CompleteAsync();
                        return;
                    case 2:
                        await stream.Input.TakeAllAsync();
                        return;
                    default:
                        await stream.Input.CopyToAsync(stream.Output);
                        await stream.Output.CompleteAsync();
                        return;
                }
            }
            catch (StreamResetException)
            {
                // What the peer, or the end of the session, does to a stream.
            }
        }
    }
}

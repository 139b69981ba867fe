using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Framing.Tests.Sessions;

namespace Tunnel.Framing.Tests.Fuzz;

/// <summary>A whole session fed with legal and spoilt conversations: it always ends, in a named way, and leaks nothing.</summary>
public sealed class SessionFuzzTests
{
    [Fact]
    public async Task Session_FedWithSpoiltConversations_AlwaysEndsAndLeaksNothing()
    {
        var ends = new Dictionary<(SessionEndKind, CloseCode), int>();
        foreach (int seed in FuzzBudget.Seeds(400))
        {
            try
            {
                SessionEnd end = await RunAsync(seed).Within(FuzzBudget.Limit);
                end.Code.Should().NotBe(CloseCode.InternalError, "that is a fault of ours: {0}", end.Message);
                ends[(end.Kind, end.Code)] = ends.GetValueOrDefault((end.Kind, end.Code)) + 1;
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"Seed {seed}", error);
            }
        }

        // The target is worth something only while it still gets to many different ends.
        ends.Count.Should().BeGreaterThan(6);
    }

    private static async Task<SessionEnd> RunAsync(int seed)
    {
        var random = new Random(seed);
        byte[] bytes = Conversation.OfServer(random, random.Next(1, 60));
        if (random.Next(5) != 0)
        {
            bytes = Conversation.Mutate(random, bytes);
        }

        List<Task> serving = [];
        SessionEnd end;
        await using (var session = new RawSession(
            LinkRole.Agent,
            new SessionOptions { FloodAtOnce = 50, MaxStreams = 16, SessionMemory = 1024 * 1024 },
            pauseAt: random.Next(2) == 0 ? 1024 : 1024 * 1024,
            serve: stream =>
            {
                int mood = random.Next(5);
                serving.Add(Task.Run(() => ServeAsync(stream, mood)));
            }))
        {
            Task reading = ReadAllAsync(session.Peer);
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
    private static async Task ReadAllAsync(RawPeer peer)
    {
        try
        {
            while (await peer.ReadAsync() is { } frame)
            {
                var buffer = new System.Buffers.ReadOnlySequence<byte>(RawPeer.Frame(frame.StreamId, frame.Kind, frame.Payload, frame.IsFin));
                FrameReader.TryRead(ref buffer, LinkRole.Agent, out _, out _).Should().BeTrue();
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

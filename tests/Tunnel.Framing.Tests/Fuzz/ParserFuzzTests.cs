using System.Buffers;
using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Tests.Frames;
using Xunit.Abstractions;

namespace Tunnel.Framing.Tests.Fuzz;

/// <summary>Whatever comes in, a parser returns or throws a <see cref="ProtocolViolationException"/>.</summary>
public sealed class ParserFuzzTests(ITestOutputHelper output)
{
    [Fact]
    public void Frames_Mutated_AreReadOrRefused()
    {
        foreach (int seed in FuzzBudget.Seeds(3000, output))
        {
            var random = new Random(seed);
            byte[] bytes = Conversation.Mutate(random, Conversation.OfServer(random, random.Next(1, 8)));
            Guard(seed, () =>
            {
                var buffer = new ReadOnlySequence<byte>(bytes);
                LinkRole sender = random.Next(4) == 0 ? LinkRole.Agent : LinkRole.Server;
                while (FrameReader.TryRead(ref buffer, sender, out FrameHeader header, out ReadOnlySequence<byte> payload))
                {
                    payload.Length.Should().Be(header.Length);
                    Read(header.Kind, payload);
                }
            });
        }
    }

    [Fact]
    public void OpenExtensions_Mutated_AreReadTheSameInOnePieceAndInMany()
    {
        foreach (int seed in FuzzBudget.Seeds(5000, output))
        {
            var random = new Random(seed);
            byte[] open = Conversation.OpenWithExtensions(random);
            byte[] bytes = [.. open.AsSpan(0, 16), .. Conversation.Mutate(random, open[16..])];
            (OpenHeader? Open, long FirstBytes) whole = Read(new ReadOnlySequence<byte>(bytes));
            Guard(seed, () => Read(ByteByByte.Of(bytes)).Should().Be(whole));
        }

        static (OpenHeader? Open, long FirstBytes) Read(ReadOnlySequence<byte> payload)
        {
            try
            {
                OpenHeader open = OpenHeader.Read(payload, out ReadOnlySequence<byte> first);
                return (open, first.Length);
            }
            catch (ProtocolViolationException)
            {
                return (null, 0);
            }
        }
    }

    [Fact]
    public void Messages_Mutated_AreReadOrRefused()
    {
        foreach (int seed in FuzzBudget.Seeds(5000, output))
        {
            var random = new Random(seed);
            byte[] bytes = Conversation.Mutate(random, Encoding.ASCII.GetBytes(Conversation.Message(random)));
            foreach (FrameKind kind in Enum.GetValues<FrameKind>())
            {
                Guard(seed, () => Read(kind, new ReadOnlySequence<byte>(bytes)));
            }
        }
    }

    [Fact]
    public void Messages_ThatWereRead_AreWrittenAndReadAgain()
    {
        foreach (int seed in FuzzBudget.Seeds(3000, output))
        {
            var random = new Random(seed);
            byte[] bytes = Conversation.Mutate(random, Encoding.ASCII.GetBytes(Conversation.Message(random)));
            Guard(seed, () =>
            {
                HelloMessage hello = JsonMessages.Read<HelloMessage>(new ReadOnlySequence<byte>(bytes));
                JsonMessages.Read<HelloMessage>(new ReadOnlySequence<byte>(JsonMessages.Write(hello))).Should().BeEquivalentTo(hello);
            });
        }
    }

    private static void Read(FrameKind kind, in ReadOnlySequence<byte> payload)
    {
        switch (kind)
        {
            case FrameKind.Open:
                OpenHeader.Read(payload, out _);
                break;
            case FrameKind.Reset or FrameKind.Close:
                CodeAndSentence.Read(payload);
                break;
            case FrameKind.Hello:
                JsonMessages.Read<HelloMessage>(payload);
                break;
            case FrameKind.Welcome:
                JsonMessages.Read<WelcomeMessage>(payload);
                break;
            case FrameKind.Reject:
                JsonMessages.Read<RejectMessage>(payload);
                break;
            case FrameKind.Bind:
                JsonMessages.Read<TunnelRequest>(payload);
                break;
            case FrameKind.Bound:
                JsonMessages.Read<BoundMessage>(payload);
                break;
            case FrameKind.Unbind:
                JsonMessages.Read<UnbindMessage>(payload);
                break;
            case FrameKind.Unbound:
                JsonMessages.Read<UnboundMessage>(payload);
                break;
            case FrameKind.GoAway:
                JsonMessages.Read<GoAwayMessage>(payload);
                break;
        }
    }

    private static void Guard(int seed, Action parse)
    {
        try
        {
            parse();
        }
        catch (ProtocolViolationException)
        {
            // The one way out that is meant.
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"Seed {seed}", error);
        }
    }
}

using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Transport.Sockets;

namespace Tunnel.Framing.Tests.Sessions;

/// <summary>Every rule of docs/protocol.md, section 9, broken; each gets exactly its code.</summary>
public sealed class HostilePeerTests
{
    private const string Plain = """{"reason":"shutdown"}""";

    /// <summary>One frame that is wrong by itself: who sends it, its id, K and Length, and the code it deserves.</summary>
    public static TheoryData<LinkRole, uint, byte, int, CloseCode> WrongHeaders() => new()
    {
        { LinkRole.Server, 0, 0x00, 0, CloseCode.UnknownKind },
        { LinkRole.Server, 0, 0x0D, 0, CloseCode.UnknownKind },
        { LinkRole.Server, 2, 0x14, 0, CloseCode.UnknownKind },
        { LinkRole.Server, 0, 0x18, 0, CloseCode.UnknownKind },
        { LinkRole.Agent, 2, 0x18, 65_537, CloseCode.UnknownKind },
        { LinkRole.Server, 2, 0x1F, 0, CloseCode.UnknownKind },
        { LinkRole.Server, 2, 0x51, 0, CloseCode.UnknownKind },
        { LinkRole.Server, 2, 0x31, 0, CloseCode.UnknownKind },
        { LinkRole.Server, 2, 0x11, 65_537, CloseCode.FrameTooLarge },
        { LinkRole.Server, 2, 0x11, 0xFF_FFFF, CloseCode.FrameTooLarge },
        { LinkRole.Server, 2, 0x10, 65_537, CloseCode.FrameTooLarge },
        { LinkRole.Server, 0, 0x0B, 8_193, CloseCode.FrameTooLarge },
        { LinkRole.Server, 0, 0x09, 8_193, CloseCode.FrameTooLarge },
        { LinkRole.Server, 0, 0x0C, 8_193, CloseCode.FrameTooLarge },
        { LinkRole.Agent, 0, 0x08, 32_769, CloseCode.FrameTooLarge },
        { LinkRole.Agent, 0, 0x01, 8_193, CloseCode.FrameTooLarge },
        { LinkRole.Server, 0, 0x07, 515, CloseCode.FrameTooLarge },
        { LinkRole.Server, 2, 0x12, 515, CloseCode.FrameTooLarge },
        { LinkRole.Server, 0, 0x04, 9, CloseCode.FrameTooLarge },
        { LinkRole.Server, 2, 0x13, 5, CloseCode.FrameTooLarge },
        { LinkRole.Server, 0, 0x04, 7, CloseCode.MalformedPayload },
        { LinkRole.Server, 0, 0x05, 0, CloseCode.MalformedPayload },
        { LinkRole.Server, 0, 0x06, 7, CloseCode.MalformedPayload },
        { LinkRole.Server, 2, 0x13, 3, CloseCode.MalformedPayload },
        { LinkRole.Server, 2, 0x12, 1, CloseCode.MalformedPayload },
        { LinkRole.Server, 0, 0x07, 1, CloseCode.MalformedPayload },
        { LinkRole.Server, 2, 0x10, 15, CloseCode.MalformedPayload },
        { LinkRole.Server, 0, 0x11, 0, CloseCode.BadStreamId },
        { LinkRole.Server, 0, 0x10, 16, CloseCode.BadStreamId },
        { LinkRole.Server, 0, 0x12, 2, CloseCode.BadStreamId },
        { LinkRole.Server, 0, 0x13, 4, CloseCode.BadStreamId },
        { LinkRole.Server, 2, 0x04, 8, CloseCode.BadStreamId },
        { LinkRole.Server, 2, 0x06, 8, CloseCode.BadStreamId },
        { LinkRole.Server, 2, 0x07, 2, CloseCode.BadStreamId },
        { LinkRole.Server, 2, 0x0B, 2, CloseCode.BadStreamId },
        { LinkRole.Agent, 2, 0x10, 16, CloseCode.UnexpectedFrame },
        { LinkRole.Agent, 0, 0x02, 2, CloseCode.UnexpectedFrame },
        { LinkRole.Agent, 0, 0x03, 2, CloseCode.UnexpectedFrame },
        { LinkRole.Agent, 0, 0x09, 2, CloseCode.UnexpectedFrame },
        { LinkRole.Agent, 0, 0x0C, 2, CloseCode.UnexpectedFrame },
        { LinkRole.Server, 0, 0x01, 2, CloseCode.UnexpectedFrame },
        { LinkRole.Server, 0, 0x08, 2, CloseCode.UnexpectedFrame },
        { LinkRole.Server, 0, 0x0A, 2, CloseCode.UnexpectedFrame },
        { LinkRole.Server, 0, 0x84, 8, CloseCode.UnexpectedFrame },
        { LinkRole.Server, 0, 0x87, 2, CloseCode.UnexpectedFrame },
        { LinkRole.Server, 2, 0x92, 2, CloseCode.UnexpectedFrame },
        { LinkRole.Server, 2, 0x93, 4, CloseCode.UnexpectedFrame },
    };

    [Theory]
    [MemberData(nameof(WrongHeaders))]
    public async Task Header_Wrong_IsJudgedBeforeItsPayload(LinkRole sender, uint id, byte k, int length, CloseCode code)
    {
        await using var session = new RawSession(sender == LinkRole.Server ? LinkRole.Agent : LinkRole.Server);

        // No byte of the payload is ever sent.
        await session.Peer.SendAsync(id, k, length, []);
        await session.AssertClosesAsync(code);
    }

    /// <summary>What a server does wrong in a conversation, after stream 2 was opened.</summary>
    public static TheoryData<string, byte[], CloseCode> WrongOfServer() => new()
    {
        { "an odd id", RawPeer.Open(3, []), CloseCode.BadStreamId },
        { "an id again", RawPeer.Open(2, []), CloseCode.BadStreamId },
        { "data for a stream never opened", RawPeer.Frame(4, FrameKind.Data, "x"u8), CloseCode.BadStreamId },
        { "data for an agent's stream", RawPeer.Frame(1, FrameKind.Data, "x"u8), CloseCode.BadStreamId },
        { "reset of a stream never opened", RawPeer.Frame(4, FrameKind.Reset, [0, 0]), CloseCode.BadStreamId },
        { "credit for a stream never opened", RawPeer.Frame(4, FrameKind.Credit, [0, 0, 0, 1]), CloseCode.BadStreamId },
        { "WELCOME again", RawPeer.Frame(0, FrameKind.Welcome, "{}"u8), CloseCode.UnexpectedFrame },
        { "REJECT after all", RawPeer.Frame(0, FrameKind.Reject, "{}"u8), CloseCode.UnexpectedFrame },
        { "data beyond the window", RawPeer.Frame(2, FrameKind.Data, new byte[32_769]), CloseCode.WindowExceeded },
        {
            "data beyond the window in pieces",
            [.. RawPeer.Frame(2, FrameKind.Data, new byte[32_768]), .. RawPeer.Frame(2, FrameKind.Data, new byte[1])],
            CloseCode.WindowExceeded
        },
        { "first bytes beyond the window", RawPeer.Open(4, new byte[32_769]), CloseCode.WindowExceeded },
        {
            "first bytes and data beyond the window",
            [.. RawPeer.Open(4, new byte[32_768]), .. RawPeer.Frame(4, FrameKind.Data, new byte[1])],
            CloseCode.WindowExceeded
        },
        { "credit of nothing", RawPeer.Frame(2, FrameKind.Credit, [0, 0, 0, 0]), CloseCode.CreditOverflow },
        { "credit above the most", RawPeer.Frame(2, FrameKind.Credit, [0x80, 0, 0, 0]), CloseCode.CreditOverflow },
        { "credit over the top", RawPeer.Frame(2, FrameKind.Credit, [0x7F, 0xFF, 0xFF, 0xFF]), CloseCode.CreditOverflow },
        {
            "data after FIN",
            [.. RawPeer.Frame(2, FrameKind.Data, "x"u8, fin: true), .. RawPeer.Frame(2, FrameKind.Data, "y"u8)],
            CloseCode.DataAfterEnd
        },
        {
            "FIN after FIN",
            [.. RawPeer.Frame(2, FrameKind.Data, [], fin: true), .. RawPeer.Frame(2, FrameKind.Data, [], fin: true)],
            CloseCode.DataAfterEnd
        },
        {
            "data after its own RESET",
            [.. RawPeer.Frame(2, FrameKind.Reset, [0, 1]), .. RawPeer.Frame(2, FrameKind.Data, "y"u8)],
            CloseCode.DataAfterEnd
        },
        { "an ACK above what was sent", RawPeer.Frame(0, FrameKind.Ack, [0, 0, 0, 0, 0, 0, 0, 1]), CloseCode.BadAck },
        { "an ACK that is huge", RawPeer.Frame(0, FrameKind.Ack, [255, 255, 255, 255, 255, 255, 255, 255]), CloseCode.BadAck },
        { "an OPEN header too long for its payload", Open([0, 17, 1, 1, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0]), CloseCode.MalformedPayload },
        { "an OPEN header too short for its family", Open([0, 16, 1, 1, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]), CloseCode.MalformedPayload },
        { "an OPEN header of more than 2,048 bytes", Open([8, 1, 1, 1, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0, .. new byte[2033]]), CloseCode.MalformedPayload },
        { "an OPEN extension that is cut off", Open([0, 19, 1, 1, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0, 1, 0, 8]), CloseCode.MalformedPayload },
        { "an OPEN extension that comes again", Open([0, 22, 1, 1, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0, 9, 0, 0, 9, 0, 0]), CloseCode.MalformedPayload },
        { "an unknown address family", Open([0, 16, 1, 1, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 5]), CloseCode.MalformedPayload },
        { "an unknown scheme", Open([0, 16, 1, 3, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0]), CloseCode.MalformedPayload },
        { "an answer window below the least", Open([0, 16, 1, 1, 0, 0, 0, 1, 0, 0, 0x7F, 0xFF, 0, 0, 0, 0]), CloseCode.MalformedPayload },
        { "an answer window above the most", Open([0, 16, 1, 1, 0, 0, 0, 1, 0x80, 0, 0, 0, 0, 0, 0, 0]), CloseCode.MalformedPayload },
        { "a RESET that is not UTF-8", RawPeer.Frame(2, FrameKind.Reset, [0, 1, 0xC3, 0x28]), CloseCode.MalformedPayload },
        { "a GOAWAY that is no JSON", RawPeer.Frame(0, FrameKind.GoAway, "{]"u8), CloseCode.MalformedPayload },
        {
            "a second GOAWAY",
            [.. RawPeer.Frame(0, FrameKind.GoAway, Encoding.ASCII.GetBytes(Plain)), .. RawPeer.Frame(0, FrameKind.GoAway, Encoding.ASCII.GetBytes(Plain))],
            CloseCode.UnexpectedFrame
        },
    };

    [Theory]
    [MemberData(nameof(WrongOfServer))]
    public async Task Server_BreaksARule_IsClosedWithItsCode(string rule, byte[] bytes, CloseCode code)
    {
        await using var session = new RawSession(LinkRole.Agent);
        using TunnelStream stream = await session.AcceptAsync();
        await session.Peer.SendAsync(bytes);
        await session.AssertClosesAsync(code);
        rule.Should().NotBeEmpty();
        session.User.DisposeAll();
    }

    [Fact]
    public async Task Agent_SendsHelloAgain_IsClosed()
    {
        await using var session = new RawSession(LinkRole.Server);
        await session.Peer.SendAsync(0, FrameKind.Hello, "{}");
        await session.AssertClosesAsync(CloseCode.UnexpectedFrame);
    }

    [Fact]
    public async Task Agent_ResetsAStreamNeverOpened_IsClosed()
    {
        await using var session = new RawSession(LinkRole.Server);
        await session.Peer.SendResetAsync(2, 0);
        await session.AssertClosesAsync(CloseCode.BadStreamId);
    }

    [Fact]
    public async Task Agent_SendsBeyondTheAnswerWindow_IsClosed()
    {
        await using var session = new RawSession(LinkRole.Server);
        using TunnelStream stream = await session.OpenAndFlushAsync();
        for (int i = 0; i < ProtocolLimits.FirstAnswerWindow / 32_768; i++)
        {
            await session.Peer.SendAsync(2, FrameKind.Data, new byte[32_768]);
        }

        await session.SettleAsync();
        await session.Peer.SendAsync(2, FrameKind.Data, "x");
        await session.AssertClosesAsync(CloseCode.WindowExceeded);
    }

    [Fact]
    public async Task Ack_ThatGoesBack_IsClosed()
    {
        await using var session = new RawSession(LinkRole.Server);
        using TunnelStream stream = await session.OpenAndFlushAsync();
        await session.Peer.SendNumberAsync(FrameKind.Ack, session.Peer.Sequenced);
        await session.SettleAsync();
        await session.Peer.SendNumberAsync(FrameKind.Ack, session.Peer.Sequenced - 1);
        await session.AssertClosesAsync(CloseCode.BadAck);
    }

    [Fact]
    public async Task Data_BeyondTheWindowOfAStreamWeReset_IsClosed()
    {
        await using var session = new RawSession(LinkRole.Agent);
        using TunnelStream stream = await session.AcceptAsync();
        stream.Abort(ResetCode.TooBusy);
        await session.Peer.SendAsync(2, FrameKind.Data, new byte[32_768]);
        await session.Peer.SendAsync(2, FrameKind.Data, new byte[1]);
        await session.AssertClosesAsync(CloseCode.WindowExceeded);
    }

    public static TheoryData<string, byte[]> Floods() => new()
    {
        { "PING", RawPeer.Frame(0, FrameKind.Ping, new byte[8]) },
        { "PONG", RawPeer.Frame(0, FrameKind.Pong, new byte[8]) },
        { "DATA of nothing", RawPeer.Frame(2, FrameKind.Data, []) },
        { "ACK of nothing new", RawPeer.Frame(0, FrameKind.Ack, new byte[8]) },
        { "late DATA", RawPeer.Frame(4, FrameKind.Data, "x"u8) },
        { "late RESET", RawPeer.Frame(4, FrameKind.Reset, [0, 0]) },
        { "late CREDIT", RawPeer.Frame(4, FrameKind.Credit, [0, 0, 0, 1]) },
        { "BOUND", RawPeer.Frame(0, FrameKind.Bound, """{"id":1}"""u8) },
    };

    [Theory]
    [MemberData(nameof(Floods))]
    public async Task Frames_WithoutEffect_AreAFloodBeyondTheLimit(string what, byte[] frame)
    {
        const int AtOnce = 100;
        await using var session = new RawSession(LinkRole.Agent, new SessionOptions { FloodAtOnce = AtOnce, FloodPerSecond = 10 });
        using TunnelStream stream = await session.AcceptAsync(2);

        // Stream 4 is closed: opened, reset, and let go of.
        TunnelStream closed = await session.AcceptAsync(4);
        closed.Abort(ResetCode.TooBusy);
        closed.Dispose();
        await session.Peer.ExpectAsync(FrameKind.Reset);
        await session.Peer.SendResetAsync(4, 0);
        await session.SettleAsync();

        // The PING of settling counts as well; a stream gives more back than that.
        await session.Peer.SendOpenAsync(6, [], fin: true);
        using TunnelStream more = await session.User.NextStreamAsync();
        for (int i = 0; i < AtOnce; i++)
        {
            await session.Peer.SendAsync(frame);
        }

        await session.Peer.SendAsync(2, FrameKind.Data, "still there");
        (await stream.Input.TakeTextAsync(11)).Should().Be("still there", "{0} is within the limit", what);
        session.Time.Advance(TimeSpan.FromMilliseconds(100));
        await session.Peer.SendAsync((byte[])[.. frame, .. frame]);
        await session.AssertClosesAsync(CloseCode.Flood);
    }

    [Fact]
    public async Task Credit_ForAHalfThatHasEnded_IsAFloodBeyondTheLimit()
    {
        await using var session = new RawSession(LinkRole.Agent, new SessionOptions { FloodAtOnce = 10, FloodPerSecond = 10 });
        using TunnelStream stream = await session.AcceptAsync();
        await stream.Output.CompleteAsync();
        await session.Peer.ExpectAsync(FrameKind.Data);
        for (int i = 0; i < 11; i++)
        {
            await session.Peer.SendCreditAsync(2, 1);
        }

        await session.AssertClosesAsync(CloseCode.Flood);
    }

    [Fact]
    public async Task Opens_BeyondTheStreamLimit_AreAFloodBeyondTheLimit()
    {
        await using var session = new RawSession(
            LinkRole.Agent, new SessionOptions { MaxStreams = 1, FloodAtOnce = 100, FloodPerSecond = 10 });
        using TunnelStream stream = await session.AcceptAsync();
        uint id = 4;
        for (int i = 0; i < 100; i++, id += 2)
        {
            await session.Peer.SendOpenAsync(id, "GET"u8, fin: true);
        }

        await session.Peer.SendAsync(2, FrameKind.Data, "still there");
        await stream.Input.TakeTextAsync(11);
        await session.Peer.SendOpenAsync(id, "GET"u8, fin: true);
        await session.AssertClosesAsync(CloseCode.Flood);
    }

    [Fact]
    public async Task Streams_InGreatNumberWithLateFrames_AreNoFlood()
    {
        await using var session = new RawSession(
            LinkRole.Agent, new SessionOptions { FloodAtOnce = 20, FloodPerSecond = 1 });
        for (uint id = 2; id < 1000; id += 2)
        {
            TunnelStream stream = await session.AcceptAsync(id, "GET", fin: true);
            await stream.Output.CompleteAsync();
            stream.Dispose();
            await session.Peer.ExpectAsync(FrameKind.Data);

            // Three frames that crossed with our FIN.
            await session.Peer.SendCreditAsync(id, 16_384);
            await session.Peer.SendCreditAsync(id, 16_384);
            await session.Peer.SendResetAsync(id, 0);
        }

        await session.SettleAsync();
        session.Session.Ended.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Opens_OfAnUnknownType_AreRefusedOneByOneAndAFloodBeyondTheLimit()
    {
        await using var session = new RawSession(LinkRole.Agent, new SessionOptions { FloodAtOnce = 3, FloodPerSecond = 1 });
        using TunnelStream stream = await session.AcceptAsync();
        byte[] open = [0, 16, 3, 1, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0, .. "of a later version"u8];
        await session.Peer.SendAsync(4, FrameKind.Open, open);
        RawFrame reset = await session.Peer.ExpectAsync(FrameKind.Reset);
        (reset.StreamId, reset.Code).Should().Be((4, (ushort)ResetCode.TypeUnknown));
        await session.Peer.SendAsync(4, FrameKind.Data, "what its opener sent before it heard of that");
        await session.Peer.SendAsync(2, FrameKind.Data, "still there");
        await stream.Input.TakeTextAsync(11);
        await session.Peer.SendAsync(6, FrameKind.Open, open, fin: true);
        await session.Peer.ExpectAsync(FrameKind.Reset);
        await session.Peer.SendAsync(8, FrameKind.Open, open, fin: true);
        await session.AssertClosesAsync(CloseCode.Flood);
    }

    [Theory]
    [InlineData(40_000, 40_000)]
    [InlineData(40_001, 40_000)]
    public async Task Upload_BeyondTheWindowThatWasTold_IsExceeded(int first, int told)
    {
        await using var session = new RawSession(LinkRole.Agent, new SessionOptions { UploadWindow = told });
        await session.Peer.SendOpenAsync(2, new byte[first]);
        if (first > told)
        {
            await session.AssertClosesAsync(CloseCode.WindowExceeded);
            return;
        }

        using TunnelStream stream = await session.User.NextStreamAsync();
        session.Session.Streams.Memory.Used.Should().Be(told, "what was promised is kept");
        await session.Peer.SendAsync(2, FrameKind.Data, "x");
        await session.AssertClosesAsync(CloseCode.WindowExceeded);
    }

    [Fact]
    public async Task Refusals_NeverRead_AreBounded()
    {
        await using var session = new RawSession(
            LinkRole.Agent,
            new SessionOptions { MaxStreams = 1, FloodAtOnce = 1_000_000, FloodPerSecond = 1_000_000 },
            pauseAt: 2048);
        using TunnelStream stream = await session.AcceptAsync();
        Task<SessionEnd> ended = session.Session.Ended;
        for (uint id = 4; !ended.IsCompleted && id < 100_000; id += 2)
        {
            // Once it has ended, nobody takes these off the link.
            await Task.WhenAny(ended, session.Peer.SendOpenAsync(id, [], fin: true)).Within();
        }

        (await ended.Within()).Code.Should().Be(CloseCode.Flood);
        await session.AdvanceUntilEndAsync();
    }

    [Fact]
    public async Task ResetAnswers_NeverRead_AreBounded()
    {
        // Each stream ends before the next is opened, so no limit on open streams is met; only its RESET stays behind.
        await using var session = new RawSession(LinkRole.Agent, pauseAt: 2048, serve: static stream => stream.Dispose());
        Task<SessionEnd> ended = session.Session.Ended;
        for (uint id = 2; !ended.IsCompleted && id < 100_000; id += 2)
        {
            byte[] both = [.. RawPeer.Open(id, []), .. RawPeer.Frame(id, FrameKind.Reset, [0, 1])];
            await Task.WhenAny(ended, session.Peer.SendAsync(both)).Within();
        }

        (await ended.Within()).Code.Should().Be(CloseCode.Flood);
        await session.AdvanceUntilEndAsync();
    }

    [Fact]
    public async Task OwnFrames_NeverAcknowledged_AreBoundedInBytes()
    {
        await using var session = new RawSession(LinkRole.Server);
        var message = new BoundMessage { Id = 1, Code = "name-refused", Message = new string('x', 400) };
        Task<RawFrame> close = session.Peer.ExpectCloseAsync();
        for (int i = 0; i < 30_000 && !session.Session.Ended.IsCompleted; i++)
        {
            session.Session.Send(FrameKind.Bound, message);
            if (i % 500 == 0)
            {
                // They must leave, or it is the queue that is full.
                await Until.TrueAsync(() => session.Session.Ended.IsCompleted || !session.Session.Streams.Queue.HasUrgent);
            }
        }

        (await close.Within()).Code.Should().Be((ushort)CloseCode.Flood);
        SessionEnd end = await session.Run.Within();
        end.Message.Should().Contain("not acknowledge");
        session.Session.Counts.Sent.Should().BeInRange(7 * 1024 * 1024, 9 * 1024 * 1024, "a frame counts for a little more than its bytes");
    }

    [Fact]
    public async Task Peer_ThatSendsAndAcknowledgesNothingFor30Seconds_IsClosed()
    {
        await using var session = new RawSession(LinkRole.Server);
        using TunnelStream stream = await session.OpenAndFlushAsync();
        for (int i = 0; i < 15; i++)
        {
            await session.SettleAsync();
            session.Session.Ended.IsCompleted.Should().BeFalse("{0} s are not 30", i * 2);
            session.Time.Advance(TimeSpan.FromSeconds(2));
        }

        // What has been answered may be handled to its end a little later, so that a step may be lost; not two. Time goes on only
        // when the last PING was heard: on a busy machine it would run ahead, and silence end the session.
        Task<SessionEnd> ended = session.Session.Ended;
        TimeSpan heard = TimeSpan.Zero;
        await Until.TrueAsync(() =>
        {
            if (session.Session.LastByteAt > heard)
            {
                heard = session.Session.LastByteAt;
                session.Time.Advance(TimeSpan.FromSeconds(1));
                _ = session.Peer.SendNumberAsync(FrameKind.Ping, 1);
            }

            return ended.IsCompleted;
        });
        await session.AssertClosesAsync(CloseCode.Flood);
    }

    [Fact]
    public async Task Peer_ThatAcknowledgesOnceInAWhile_LivesOn()
    {
        await using var session = new RawSession(LinkRole.Server);
        using TunnelStream stream = await session.OpenAndFlushAsync();
        for (int i = 0; i < 100; i++)
        {
            if (i % 10 == 9)
            {
                await session.Peer.SendNumberAsync(FrameKind.Ack, session.Peer.Sequenced);
                await stream.Output.SendAsync("more");
                await session.Peer.ExpectAsync(FrameKind.Data);
            }

            await session.SettleAsync();
            session.Time.Advance(TimeSpan.FromSeconds(2));
        }

        await session.SettleAsync();
        session.Session.Ended.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Messages_NeverRead_AreBounded()
    {
        await using var session = new RawSession(LinkRole.Server, pauseAt: 2048);
        for (int i = 0; i < 5000; i++)
        {
            session.Session.Send(FrameKind.Bound, new BoundMessage { Id = 1 });
        }

        (await session.Session.Ended.Within()).Code.Should().Be(CloseCode.Flood);
        await session.AdvanceUntilEndAsync();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(9)]
    public async Task Link_EndsInsideAFrame_IsLost(int bytes)
    {
        await using var session = new RawSession(LinkRole.Agent);
        await session.Peer.SendAsync(RawPeer.Open(2, "GET"u8).AsMemory(0, bytes));
        await session.Peer.CompleteAsync();
        SessionEnd end = await session.Run.Within();
        (end.Kind, end.Code).Should().Be((SessionEndKind.LinkLost, CloseCode.Normal));
        session.Session.Counts.Received.Should().Be(0);
    }

    [Fact]
    public async Task Frame_ByteByByte_Works()
    {
        await using var session = new RawSession(LinkRole.Agent);
        foreach (byte one in RawPeer.Open(2, "GET /"u8, fin: true))
        {
            await session.Peer.SendAsync(new[] { one });
            await Task.Yield();
        }

        using TunnelStream stream = await session.User.NextStreamAsync();
        (await stream.Input.TakeAllAsync()).Should().Equal("GET /"u8.ToArray());
    }

    [Fact]
    public async Task Close_OfThePeer_EndsWithItsCodeAndSentence()
    {
        await using var session = new RawSession(LinkRole.Agent);
        await session.Peer.SendCloseAsync(12, "wo anders läuft derselbe");
        SessionEnd end = await session.Run.Within();
        end.Should().Be(new SessionEnd(SessionEndKind.ClosedByPeer, CloseCode.Replaced, "wo anders läuft derselbe"));
    }

    [Fact]
    public async Task Close_OfThePeerWithAnUnknownCode_IsKept()
    {
        await using var session = new RawSession(LinkRole.Agent);
        await session.Peer.SendCloseAsync(999, "later version");
        SessionEnd end = await session.Run.Within();
        ((int)end.Code, end.Code.Name()).Should().Be((999, "internal-error"));
    }

    [Fact]
    public async Task Close_PeerNeverReads_EndsWithinCloseTime()
    {
        await using var session = new RawSession(LinkRole.Agent, pauseAt: 1024);
        using TunnelStream stream = await session.AcceptAsync();
        await stream.Output.WriteAsync(new byte[60_000]).Within();
        await Until.TrueAsync(() => session.Session.Counts.Sent > 1024);
        session.Session.Close(CloseCode.Normal, "enough");
        (await session.Session.Ended.Within()).Code.Should().Be(CloseCode.Normal);
        session.Run.IsCompleted.Should().BeFalse();
        await session.AdvanceUntilEndAsync();
        stream.ResetCode.Should().Be(ResetCode.SessionLost);
    }

    [Fact]
    public async Task Close_PeerGoesOnSendingAndNeverEnds_EndsWithinCloseTime()
    {
        await using var session = new RawSession(LinkRole.Agent);
        session.Session.Close(CloseCode.Normal, "enough");
        RawFrame? frame;
        do
        {
            frame = await session.Peer.ReadAsync();
        }
        while (frame!.Kind != FrameKind.Close);
        (await session.Peer.ReadAsync()).Should().BeNull();
        await session.Peer.SendNumberAsync(FrameKind.Ping, 1);
        session.Run.IsCompleted.Should().BeFalse();
        await session.AdvanceUntilEndAsync();
    }

    [Fact]
    public async Task Close_BytesOfThePeerUnread_AreReadSoThatTheCloseArrives()
    {
        // A socket closed with unread bytes resets the connection, and what it still had to send is gone. The peer's
        // small buffer keeps the CLOSE on our side until it reads.
        (Socket a, Socket b) = await TcpLinkPair.CreateSocketsAsync();
        using Socket raw = b;
        raw.ReceiveBufferSize = 4096;
        var user = new RecordingUser();
        var session = new Session(LinkRole.Agent, new SessionOptions(), user);
        Task<SessionEnd> run = Task.Run(async () =>
        {
            await using var link = new SocketConnection(a, MemoryPool<byte>.Shared);
            return await session.RunAsync(link);
        });
        await raw.SendAsync(RawPeer.Open(2, [], fin: true, window: int.MaxValue));
        using TunnelStream stream = await user.NextStreamAsync();
        await stream.Output.WriteAsync(new byte[60_000]).Within();
        await Until.TrueAsync(() => session.Counts.Sent > 60_000);
        byte[] bad = [.. RawPeer.Frame(0, FrameKind.Data, []), .. new byte[400_000]];
        Task sending = raw.SendAsync(bad);
        await session.Ended.Within();

        // Time for whoever would close too early to do so.
        for (int i = 0; i < 10_000 && !run.IsCompleted; i++)
        {
            await Task.Yield();
        }

        var received = new List<byte>();
        byte[] buffer = new byte[4096];
        while (await raw.ReceiveAsync(buffer).Within() is > 0 and var bytes)
        {
            received.AddRange(buffer.AsSpan(0, bytes));
        }

        await sending.Within();
        raw.Shutdown(SocketShutdown.Both);
        (await run.Within()).Code.Should().Be(CloseCode.BadStreamId);
        Encoding.UTF8.GetString([.. received]).Should().Contain("cannot have RequestId 0");
    }

    [Fact]
    public async Task Close_PeerNeverReadsOverTcp_EndsWithinCloseTime()
    {
        // Between them the two sockets hold less than one of the writer's batches, so the first is stuck.
        (Socket a, Socket b) = await TcpLinkPair.CreateSocketsAsync();
        using Socket raw = b;
        raw.ReceiveBufferSize = 4096;
        a.SendBufferSize = 4096;
        var time = new FakeTimeProvider();
        using var pool = new LeakCheckingPool();
        await using var link = new SocketConnection(a, MemoryPool<byte>.Shared);
        var user = new RecordingUser();
        var session = new Session(LinkRole.Agent, new SessionOptions { Pool = pool, Time = time }, user);
        Task<SessionEnd> run = session.RunAsync(link);
        await raw.SendAsync(RawPeer.Open(2, [], fin: true, window: int.MaxValue));
        using TunnelStream stream = await user.NextStreamAsync();
        Task<FlushResult> flush = stream.Output.WriteAsync(new byte[1_000_000]).AsTask();
        await Until.TrueAsync(() => session.Counts.Sent > 60_000);
        session.Close(CloseCode.Normal, "enough");
        await Until.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return run.IsCompleted;
        });
        (await flush.Within()).IsCompleted.Should().BeTrue();
        (await run.Within()).Message.Should().Be("enough");
        stream.Dispose();
    }

    private static byte[] Open(byte[] payload) => RawPeer.Frame(4, FrameKind.Open, payload);
}

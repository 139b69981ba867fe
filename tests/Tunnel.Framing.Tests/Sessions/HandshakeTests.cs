using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Sessions;

public sealed class HandshakeTests
{
    private static readonly HelloMessage Hello = new()
    {
        Version = 1,
        Software = "tunnel-agent/0.1.0",
        Instance = "0123456789abcdef0123456789abcdef",
        Features = ["of-a-later-version"],
    };

    private static readonly WelcomeMessage Welcome = new()
    {
        Version = 1,
        Session = "0123456789abcdef0123456789abcdef",
        Streams = 7,
    };

    [Fact]
    public async Task Hello_AnsweredByWelcome_LeavesWhatFollowsForTheSession()
    {
        var link = new MemoryLink();
        Task<HandshakeAnswer> greeting = Handshake.GreetAsync(link.B, Hello, default);
        (await Handshake.ReadHelloAsync(link.A.Input, default).Within()).Should().BeEquivalentTo(Hello);

        // WELCOME and the session's first frame in one piece.
        byte[] both = [.. RawPeer.Frame(0, FrameKind.Welcome, JsonMessages.Write(Welcome)), .. RawPeer.Frame(0, FrameKind.Ping, new byte[8])];
        await link.A.Output.WriteAsync(both).Within();
        HandshakeAnswer answer = await greeting.Within();
        answer.Welcome.Should().BeEquivalentTo(Welcome);
        answer.Reject.Should().BeNull();
        (await new RawPeer(link.B).ExpectAsync(FrameKind.Ping)).Payload.Should().HaveCount(8);
    }

    [Fact]
    public async Task Hello_ByteByByte_IsRead()
    {
        var link = new MemoryLink();
        Task<HandshakeAnswer> greeting = Handshake.GreetAsync(link.B, Hello, default);
        var slow = new SegmentingReader(link.A.Input, 1, Segmenting.Both);
        (await Handshake.ReadHelloAsync(slow, default).Within()).Should().BeEquivalentTo(Hello);
        await Handshake.SendAsync(link.A.Output, FrameKind.Welcome, Welcome, default).Within();
        (await greeting.Within()).Welcome.Should().BeEquivalentTo(Welcome);
    }

    [Fact]
    public async Task Hello_AnsweredByReject_SaysWhy()
    {
        var link = new MemoryLink();
        Task<HandshakeAnswer> greeting = Handshake.GreetAsync(link.B, Hello, default);
        var reject = new RejectMessage { Code = "a-later-code", Message = "no", Retry = true, RetryAfter = 5 };
        await Handshake.SendAsync(link.A.Output, FrameKind.Reject, reject, default).Within();
        (await greeting.Within()).Should().Be(new HandshakeAnswer(null, reject));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001")]
    [InlineData("\0\0\0\0\u0004")]
    [InlineData("\0\0\u0001")]
    public async Task Stranger_GetsNoAnswer_AfterItsFirstWrongByte(string bytes)
    {
        var link = new MemoryLink();
        await link.B.Output.WriteAsync(Encoding.Latin1.GetBytes(bytes)).Within();
        (await Handshake.ReadHelloAsync(link.A.Input, default).Within()).Should().BeNull();
    }

    [Theory]
    [InlineData("")]
    [InlineData("\0\0\0")]
    [InlineData("\0\0\0\0\u0001\0\0\u0010{\"version\"")]
    public async Task Link_EndsBeforeTheHelloIsWhole_IsNull(string bytes)
    {
        var link = new MemoryLink();
        await link.B.Output.WriteAsync(Encoding.Latin1.GetBytes(bytes)).Within();
        await link.B.Output.CompleteAsync();
        (await Handshake.ReadHelloAsync(link.A.Input, default).Within()).Should().BeNull();
    }

    [Theory]
    [InlineData(0x01, 8193, CloseCode.FrameTooLarge)]
    [InlineData(0x01, 1, CloseCode.MalformedPayload)]
    [InlineData(0x01, 2, CloseCode.MalformedPayload)]
    public async Task Hello_ThatBreaksARule_IsAViolation(byte k, int length, CloseCode code)
    {
        var link = new MemoryLink();
        await new RawPeer(link.B).SendAsync(0, k, length, "[]"u8);
        (await FluentActions.Awaiting(() => Handshake.ReadHelloAsync(link.A.Input, default).Within())
            .Should().ThrowAsync<ProtocolViolationException>()).Which.Code.Should().Be(code);
    }

    [Theory]
    [InlineData(FrameKind.Ping, "12345678", CloseCode.UnexpectedFrame)]
    [InlineData(FrameKind.Close, "12", CloseCode.UnexpectedFrame)]
    [InlineData(FrameKind.Welcome, "{}", CloseCode.MalformedPayload)]
    [InlineData(FrameKind.Hello, "{}", CloseCode.UnexpectedFrame)]
    public async Task Greeting_AnsweredByAnythingElse_IsAViolation(FrameKind kind, string payload, CloseCode code)
    {
        var link = new MemoryLink();
        await new RawPeer(link.A).SendAsync(0, kind, payload);
        (await FluentActions.Awaiting(() => Handshake.GreetAsync(link.B, Hello, default).Within())
            .Should().ThrowAsync<ProtocolViolationException>()).Which.Code.Should().Be(code);
    }

    [Fact]
    public async Task Greeting_LinkEndsWithoutAnAnswer_IsAnIOException()
    {
        var link = new MemoryLink();
        await link.A.Output.CompleteAsync();
        await FluentActions.Awaiting(() => Handshake.GreetAsync(link.B, Hello, default).Within())
            .Should().ThrowAsync<IOException>();
    }

    [Fact]
    public async Task Greeting_Cancelled_Throws()
    {
        var link = new MemoryLink();
        using var cancel = new CancellationTokenSource();
        Task<HandshakeAnswer> greeting = Handshake.GreetAsync(link.B, Hello, cancel.Token);
        await cancel.CancelAsync();
        await FluentActions.Awaiting(() => greeting.Within()).Should().ThrowAsync<OperationCanceledException>();
    }

    [Fact]
    public async Task Close_AsTheAnswer_IsToldAsWhatItIs()
    {
        // REJECT is the way to say no; a CLOSE in its place is a fault of the server that the agent names.
        var link = new MemoryLink();
        await new RawPeer(link.A).SendCloseAsync(13, "revoked");
        ProtocolViolationException violation = (await FluentActions
            .Awaiting(() => Handshake.GreetAsync(link.B, Hello, default).Within())
            .Should().ThrowAsync<ProtocolViolationException>()).Which;
        violation.Message.Should().Contain("Close");
    }

    [Theory]
    [InlineData(0, 64 * 1024, 64 * 1024 * 1024)]
    [InlineData(1, 16 * 1024 - 1, 64 * 1024 * 1024)]
    [InlineData(1024, 64 * 1024, 1024 * 32 * 1024 - 1)]
    [InlineData(65_536, 64 * 1024, 64L * 1024 * 1024 * 1024)]
    [InlineData(1, 64 * 1024, 64 * 1024 * 1024, 32 * 1024 - 1)]
    [InlineData(1, 64 * 1024, 64 * 1024 * 1024, 8 * 1024 * 1024 + 1)]
    [InlineData(1024, 64 * 1024, 64 * 1024 * 1024, 64 * 1024 + 1)]
    public void Options_NoSessionCanWorkWith_AreRefused(int streams, int waiting, long memory, int window = 32 * 1024)
    {
        var options = new SessionOptions { MaxStreams = streams, WaitingPerStream = waiting, SessionMemory = memory, UploadWindow = window };
        FluentActions.Invoking(() => new Session(LinkRole.Server, options, new RecordingUser()))
            .Should().Throw<ArgumentOutOfRangeException>();
    }

    [Theory]
    [InlineData(null, null, 1000, 32 * 1024)]
    [InlineData(7, 8 * 1024 * 1024, 7, 60_000)]
    [InlineData(65_535, 40_000, 1000, 40_000)]
    public void Terms_OfBothSides_AreTheLower(int? streams, int? window, int agreedStreams, int agreedWindow)
    {
        SessionOptions agreed = new SessionOptions { MaxStreams = 1000, UploadWindow = 60_000 }.AgreeWith(streams, window);
        agreed.Validate();
        (agreed.MaxStreams, agreed.UploadWindow).Should().Be((agreedStreams, agreedWindow));
    }

    [Fact]
    public async Task Server_WhoseAgentHasLargeWindows_SendsAsMuchAtOnce()
    {
        const int Window = 3 * ProtocolLimits.LeastWindow;
        await using var session = new RawSession(
            LinkRole.Server, new SessionOptions { MaxStreams = 2, UploadWindow = Window, WaitingPerStream = 2 * Window });
        using TunnelStream stream = session.Open();
        using TunnelStream other = session.Open();
        session.Session.TryOpen(other.Open).Should().BeNull("the agent has room for two");
        await stream.Output.WriteAsync(new byte[Window + 1]).Within();
        int bytes = -stream.Open.Size;
        while (bytes < Window)
        {
            bytes += (await session.Peer.ExpectAsync(FrameKind.Open, FrameKind.Data)).Payload.Length;
        }

        await session.SettleAsync();
        bytes.Should().Be(Window, "no more comes without CREDIT");
    }

    [Fact]
    public async Task Messages_OfTheAgent_AreAFloodBeyondTheLimit()
    {
        await using var session = new RawSession(LinkRole.Server, new SessionOptions { FloodAtOnce = 5, FloodPerSecond = 1 });
        for (int i = 0; i < 3; i++)
        {
            await session.Peer.SendAsync(0, FrameKind.Bind, """{"id":1,"type":"http"}""");
            await session.Peer.SendAsync(0, FrameKind.Unbind, """{"id":1}""");
        }

        await session.AssertClosesAsync(CloseCode.Flood);
    }

    [Fact]
    public void Agent_OpensAStream_Throws()
    {
        var session = new Session(LinkRole.Agent, new SessionOptions(), new RecordingUser());
        FluentActions.Invoking(() => session.TryOpen(default)).Should().Throw<InvalidOperationException>();
        FluentActions.Invoking(() => session.Send(FrameKind.GoAway, new UnbindMessage { Id = 1 }))
            .Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public async Task Sessions_BesideOneThatMisbehaves_DoNotNotice()
    {
        var good = new MemoryLink();
        SessionPair pair = SessionPair.Start(good.A, good.B);
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        await using (var bad = new RawSession(LinkRole.Server))
        {
            await bad.Peer.SendAsync(0, 0x1F, 0, []);
            await bad.AssertClosesAsync(CloseCode.UnknownKind);
        }

        await server.Output.SendAsync("still here");
        (await agent.Input.TakeTextAsync(10)).Should().Be("still here");
        server.Dispose();
        agent.Dispose();
        await pair.CloseAsync();
    }
}

using System.Buffers;
using System.Net;
using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Http.Heads;
using Tunnel.Server.Edge;
using Tunnel.Server.Forwarding;
using Tunnel.Server.Identity;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Tests.Forwarding;

/// <summary>Heads as they are written for the other side, byte for byte.</summary>
public sealed class HeadForwarderTests
{
    private const string Told =
        "X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.test:81\r\nX-Forwarded-Port: 8000\r\n" +
        "X-Real-IP: 2001:db8::1\r\nForwarded: for=\"[2001:db8::1]\";host=\"a.test:81\";proto=http\r\n";

    [Fact]
    public void Request_ForTheOrigin_HasHostFirstAndOurWordLast() => Forward(
        "GET http://a.test:81/p?q HTTP/1.1\r\nAccept: x\r\nHost: b\r\nX-Request-Id: mine\r\n\r\n", new TunnelRequest { Id = 1, Type = "http" })
        .Should().Be($"GET /p?q HTTP/1.1\r\nHost: a.test:81\r\nAccept: x\r\n{Told}Via: 1.1 tunnel\r\nX-Request-Id: 0123\r\n\r\n");

    [Fact]
    public void Request_WithBodyUpgradeAndTe_SaysEachAnew()
    {
        Forward("POST / HTTP/1.1\r\nHost: a.test:81\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nX-Request-Id: i\r\n\r\n", Plain)
            .Should().Be($"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: TE\r\nTE: trailers\r\n{Told}X-Request-Id: 0123\r\n\r\n");
        Forward("GET / HTTP/1.1\r\nHost: a.test:81\r\nConnection: upgrade\r\nUpgrade: h2c, websocket\r\n\r\n", Plain)
            .Should().Be($"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{Told}X-Request-Id: 0123\r\n\r\n");
    }

    [Fact]
    public void Request_OfHttp10_IsSentAs11AndSaysSo() =>
        Forward("GET / HTTP/1.0\r\nHost: a.test:81\r\nX-Request-Id: i\r\n\r\n", new TunnelRequest { Id = 1, Type = "http" })
            .Should().Contain("GET / HTTP/1.1\r\n").And.Contain("Via: 1.0 tunnel\r\n");

    [Theory]
    [InlineData(ProtocolVersion.Http11, BodyKind.UntilClose, BodyKind.Chunked)]
    [InlineData(ProtocolVersion.Http11, BodyKind.Chunked, BodyKind.Chunked)]
    [InlineData(ProtocolVersion.Http11, BodyKind.Length, BodyKind.Length)]
    [InlineData(ProtocolVersion.Http11, BodyKind.None, BodyKind.None)]
    [InlineData(ProtocolVersion.Http10, BodyKind.UntilClose, BodyKind.UntilClose)]
    [InlineData(ProtocolVersion.Http10, BodyKind.Chunked, BodyKind.UntilClose)]
    [InlineData(ProtocolVersion.Http10, BodyKind.Length, BodyKind.Length)]
    public void Framing_OfAnAnswer_IsWhatTheVisitorUnderstands(ProtocolVersion visitor, BodyKind origin, BodyKind expected)
    {
        BodyFraming framing = origin switch
        {
            BodyKind.Chunked => BodyFraming.Chunked,
            BodyKind.UntilClose => BodyFraming.UntilClose,
            BodyKind.Length => BodyFraming.OfLength(3),
            _ => BodyFraming.None,
        };
        AnswerHeadWriter.FramingFor(visitor, framing).Kind.Should().Be(expected);
    }

    [Theory]
    [InlineData(ProtocolVersion.Http11, true, "")]
    [InlineData(ProtocolVersion.Http11, false, "Connection: close\r\n")]
    [InlineData(ProtocolVersion.Http10, true, "Connection: keep-alive\r\n")]
    [InlineData(ProtocolVersion.Http10, false, "Connection: close\r\n")]
    public void Answer_ForTheVisitor_SaysWhatBecomesOfTheConnection(ProtocolVersion version, bool keepAlive, string connection)
    {
        ResponseHead head = Parse("HTTP/1.0 200 Fine\r\nConnection: keep-alive, X-A\r\nX-A: 1\r\nTunnel-Error: t\r\nTunnel_Error: u\r\nTUNNEL.ERROR: v\r\nX-B: 2\r\nContent-Length: 3\r\n\r\n");
        var output = new ArrayBufferWriter<byte>();
        AnswerHeadForwarder.Prepare(head.Headers);
        AnswerHeadWriter.Write(output, head, version, head.Framing, keepAlive);
        Text(output).Should().Be($"HTTP/1.1 200 Fine\r\nX-B: 2\r\nContent-Length: 3\r\n{connection}\r\n");
        head.Reset();
    }

    [Fact]
    public void Switch_ForTheVisitor_NamesTheProtocol()
    {
        ResponseHead head = Parse("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n");
        var output = new ArrayBufferWriter<byte>();
        AnswerHeadForwarder.Prepare(head.Headers);
        AnswerHeadWriter.WriteInterim(output, head);
        Text(output).Should().Be("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        head.Reset();
    }

    private static TunnelRequest Plain => new() { Id = 1, Type = "http", HostHeader = "h", Via = false };

    private static string Forward(string request, TunnelRequest tunnel)
    {
        var head = new RequestHead(MemoryPool<byte>.Shared);
        new RequestHeadParser(HttpLimits.Default).Parse(Bytes(request), head, out _, out _).Should().Be(ParseOutcome.Complete);
        var visitor = new VisitorFacts(
            new IPEndPoint(IPAddress.Parse("2001:db8::1"), 5), new IPEndPoint(IPAddress.IPv6Loopback, 8000), VisitorScheme.Http);
        var output = new ArrayBufferWriter<byte>();
        var session = new Session(LinkRole.Server, new SessionOptions(), new Nobody());
        var holder = new TunnelHolder(session, AgentIdentity.Local, new AgentInstance("a"), "agent", TimeProvider.System);
        RequestHeadForwarder.Write(output, head, RequestHeadForwarder.Prepare(head, visitor), new ServedTunnel("a.test", tunnel, holder, default), visitor, "0123"u8);
        head.Reset();
        return Text(output);
    }

    private static ResponseHead Parse(string answer)
    {
        var head = new ResponseHead(MemoryPool<byte>.Shared);
        new ResponseHeadParser(HttpLimits.Default).Parse(Bytes(answer), head, RequestMethod.Get, out _, out _).Should().Be(ParseOutcome.Complete);
        return head;
    }

    private static ReadOnlySequence<byte> Bytes(string text) => new(Encoding.ASCII.GetBytes(text));

    private static string Text(ArrayBufferWriter<byte> output) => Encoding.ASCII.GetString(output.WrittenSpan);

    private sealed class Nobody : ISessionUser
    {
        public void OnStream(TunnelStream stream) => stream.Dispose();

        public void OnMessage(FrameKind kind, in ReadOnlySequence<byte> payload)
        {
        }

        public void OnGoAway(GoAwayMessage message)
        {
        }
    }
}

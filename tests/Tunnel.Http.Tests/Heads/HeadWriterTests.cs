using System.Buffers;
using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Heads;

public class HeadWriterTests
{
    [Fact]
    public void Response_OfOurOwn_IsWritten()
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new HeadWriter(output);
        writer.StatusLine(503);
        writer.Field(KnownHeader.RetryAfter, 5);
        writer.Field("Tunnel-Error"u8, "agent-offline"u8);
        writer.StartField("Forwarded"u8);
        writer.Value("for="u8);
        writer.Value(127);
        writer.Value(";proto=http"u8);
        writer.EndField();
        writer.Upgrade(default);
        writer.Upgrade("websocket"u8);
        writer.Framing(BodyFraming.OfLength(12));
        writer.End();

        Verdict.Text(output.WrittenSpan).Should().Be(
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nTunnel-Error: agent-offline\r\n"
            + "Forwarded: for=127;proto=http\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 12\r\n\r\n");
    }

    [Fact]
    public void Framing_Fields_AreWrittenFromTheFramingOnly()
    {
        var head = Writing.Response("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nA: b\r\n\r\n");
        var output = new ArrayBufferWriter<byte>();
        var writer = new HeadWriter(output);
        writer.StatusLine(head);
        writer.Fields(head.Headers);
        writer.Framing(BodyFraming.Chunked);
        writer.End();

        Verdict.Text(output.WrittenSpan).Should().Be("HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n");
        var byHand = () =>
        {
            var forbidden = new HeadWriter(output);
            forbidden.Field("transfer-encoding"u8, "chunked"u8);
        };
        byHand.Should().Throw<ArgumentException>();
    }

    [Fact]
    public void Fields_HoweverTheyCame_AreWrittenOneWay()
    {
        var head = Writing.Response(
            "HTTP/1.1 200 OK\r\nA: 1\r\nB:2\r\nServer: gone\r\nC:  3\r\nD: 4 \r\nE:\t5\r\nF:\r\nG: 7\r\nDate: old\r\nH: 8\r\nContent-Length: 0\r\nI: 9\r\n\r\n");
        head.Headers.Remove(KnownHeader.Server);
        head.Headers.Set(KnownHeader.Date, "new"u8);
        head.Headers.Add("J"u8, "10"u8);
        head.Headers.Add("K"u8, "11"u8);
        var output = new ArrayBufferWriter<byte>();
        var writer = new HeadWriter(output);
        writer.Fields(head.Headers);
        writer.End();

        Verdict.Text(output.WrittenSpan).Should().Be(
            "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: \r\nG: 7\r\nDate: new\r\nH: 8\r\nI: 9\r\nJ: 10\r\nK: 11\r\n\r\n");
    }

    [Fact]
    public void Head_WrittenThroughTinyBuffers_IsTheSame()
    {
        var head = Writing.Request("POST /path HTTP/1.1\r\nHost: a.example\r\nLong: " + new string('x', 3000) + "\r\n\r\n");
        var tiny = new TinyWriter();
        Writing.Write(head, tiny);

        tiny.Written.Should().Equal(Writing.Bytes(head));
    }

    [Theory]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nX:  \u00e4 \r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nX: \u00e4\r\n\r\n")]
    [InlineData("GET / HTTP/1.0\r\nHOST:A\r\n\r\n", "GET / HTTP/1.1\r\nHOST: A\r\n\r\n")]
    public void Request_FromTheModel_IsCanonical(string text, string? canonical = null) =>
        Verdict.Text(Writing.Bytes(Writing.Request(text))).Should().Be(canonical ?? text);

    [Fact]
    public void Announcement_InResponseToHead_IsKept() =>
        Verdict.Text(Writing.Bytes(Writing.Response("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", RequestMethod.Head)))
            .Should().Be("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");

    /// <summary>Gives seven bytes at a time, the least convenient of outputs.</summary>
    private sealed class TinyWriter : IBufferWriter<byte>
    {
        private readonly byte[] _buffer = new byte[7];

        public List<byte> Written { get; } = [];

        public void Advance(int count) => Written.AddRange(_buffer.AsSpan(0, count));

        public Memory<byte> GetMemory(int sizeHint = 0) => _buffer;

        public Span<byte> GetSpan(int sizeHint = 0) => _buffer;
    }
}

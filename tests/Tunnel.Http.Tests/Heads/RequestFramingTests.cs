using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Heads;

public class RequestFramingTests
{
    /// <summary>What is refused whichever direction it travels in.</summary>
    public static TheoryData<string, RejectReason> Conflicts => new()
    {
        { "Content-Length: 5\r\nTransfer-Encoding: chunked", RejectReason.TransferEncodingWithContentLength },
        { "Transfer-Encoding: chunked\r\nContent-Length: 0", RejectReason.TransferEncodingWithContentLength },
        { "Transfer-Encoding: chunked\r\nContent-Length: x", RejectReason.TransferEncodingWithContentLength },
        { "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", RejectReason.TransferEncodingRepeated },
        { "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", RejectReason.TransferEncodingRepeated },
        { "Transfer-Encoding: chunked, chunked", RejectReason.TransferEncodingNotChunked },
        { "Transfer-Encoding: chunked, gzip", RejectReason.TransferEncodingNotChunked },
        { "Transfer-Encoding: gzip", RejectReason.TransferEncodingNotChunked },
        { "Transfer-Encoding: identity", RejectReason.TransferEncodingNotChunked },
        { "Transfer-Encoding: xchunked", RejectReason.TransferEncodingNotChunked },
        { "Transfer-Encoding: chunkedx", RejectReason.TransferEncodingNotChunked },
        { "Transfer-Encoding: gzip, chunked", RejectReason.TransferCodingUnsupported },
        { "Transfer-Encoding: identity, chunked", RejectReason.TransferCodingUnsupported },
        { "Transfer-Encoding:", RejectReason.TransferEncodingMalformed },
        { "Transfer-Encoding: chunked,", RejectReason.TransferEncodingMalformed },
        { "Transfer-Encoding: ,chunked", RejectReason.TransferEncodingMalformed },
        { "Transfer-Encoding: ,", RejectReason.TransferEncodingMalformed },
        { "Transfer-Encoding: chunked;q=1", RejectReason.TransferEncodingMalformed },
        { "Transfer-Encoding: \"chunked\"", RejectReason.TransferEncodingMalformed },
        { "Transfer-Encoding: 'chunked'", RejectReason.TransferEncodingNotChunked },
        { "Transfer-Encoding: chun ked", RejectReason.TransferEncodingMalformed },
        { "Transfer-Encoding: chunked\u000b", RejectReason.InvalidFieldValue },
        { "Content-Length: 5\r\ncontent-length: 6", RejectReason.ContentLengthRepeated },
        { "Content-Length: 5\r\nContent-Length: 05", RejectReason.ContentLengthRepeated },
        { "Content-Length: 5, 6", RejectReason.ContentLengthInvalid },
        { "Content-Length: +5, +5", RejectReason.ContentLengthInvalid },
        { "Content-Length: 5, 5\r\nTransfer-Encoding: chunked", RejectReason.TransferEncodingWithContentLength },
        { "Content-Length: 5,", RejectReason.ContentLengthInvalid },
        { "Content-Length: +5", RejectReason.ContentLengthInvalid },
        { "Content-Length: -5", RejectReason.ContentLengthInvalid },
        { "Content-Length: 5 5", RejectReason.ContentLengthInvalid },
        { "Content-Length: 05", RejectReason.ContentLengthInvalid },
        { "Content-Length: 00", RejectReason.ContentLengthInvalid },
        { "Content-Length: 0x5", RejectReason.ContentLengthInvalid },
        { "Content-Length: 5.0", RejectReason.ContentLengthInvalid },
        { "Content-Length: 1_000", RejectReason.ContentLengthInvalid },
        { "Content-Length: a", RejectReason.ContentLengthInvalid },
        { "Content-Length:", RejectReason.ContentLengthInvalid },
        { "Content-Length: \u00b2", RejectReason.ContentLengthInvalid },
        { "Content-Length: 9223372036854775808", RejectReason.ContentLengthTooLarge },
        { "Content-Length: 18446744073709551621", RejectReason.ContentLengthTooLarge },
        { "Content-Length: 99999999999999999999999999", RejectReason.ContentLengthTooLarge },
    };

    [Theory]
    [MemberData(nameof(Conflicts))]
    public void Framing_WithTwoReadingsInRequest_IsRejected(string fields, RejectReason reason) =>
        Reading.Request($"POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n").Reason.Should().Be(reason);

    [Theory]
    [InlineData("Content-Length: 5\r\nContent-Length: 5", RejectReason.ContentLengthRepeated)]
    [InlineData("Content-Length: 5, 5", RejectReason.ContentLengthInvalid)]
    public void ContentLength_TwiceTheSame_IsOneInAnAnswerAndNoneInARequest(string fields, RejectReason reason)
    {
        Reading.Request($"POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n").Reason.Should().Be(reason);

        var head = Writing.Response($"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
        head.Framing.Should().Be(BodyFraming.OfLength(5));
        head.KeepAlive.Should().BeFalse("whoever says it twice is not asked again on the same connection");
        Verdict.Text(Writing.Bytes(head)).Should().Be("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    }

    [Theory]
    [MemberData(nameof(Conflicts))]
    public void Framing_WithTwoReadingsInResponse_IsRejected(string fields, RejectReason reason)
    {
        Reading.Response($"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n").Reason.Should().Be(reason);
        Reading.Response($"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n", RequestMethod.Head).Reason.Should().Be(reason);
        Reading.Response($"HTTP/1.1 304 Not Modified\r\n{fields}\r\n\r\n").Reason.Should().Be(reason);
        Reading.Response($"HTTP/1.1 204 No Content\r\n{fields}\r\n\r\n").Reason.Should().Be(reason);
    }

    [Theory]
    [InlineData("Transfer-Encoding: chunked")]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Length: 1")]
    public void TransferEncoding_InHttp10_IsRejected(string fields)
    {
        Reading.Request($"POST / HTTP/1.0\r\nHost: a\r\n{fields}\r\n\r\n").Reason
            .Should().Be(RejectReason.TransferEncodingInHttp10);
        Reading.Response($"HTTP/1.0 200 OK\r\n{fields}\r\n\r\n").Reason.Should().Be(RejectReason.TransferEncodingInHttp10);
    }

    [Theory]
    [InlineData("TRACE", "Content-Length: 1", RejectReason.ContentInTrace)]
    [InlineData("TRACE", "Transfer-Encoding: chunked", RejectReason.ContentInTrace)]
    [InlineData("TRACE", "Content-Length: 0", RejectReason.None)]
    [InlineData("GET", "Content-Length: 1", RejectReason.None)]
    public void Framing_OfMethodWithoutContent_IsJudged(string method, string field, RejectReason reason) =>
        Reading.Request($"{method} / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n").Reason.Should().Be(reason);

    [Theory]
    [InlineData("X: y", BodyKind.None, null)]
    [InlineData("Content-Length: 0", BodyKind.Length, 0L)]
    [InlineData("Content-Length: \t 7 ", BodyKind.Length, 7L)]
    [InlineData("Content-Length: 9223372036854775807", BodyKind.Length, long.MaxValue)]
    [InlineData("Transfer-Encoding: chunked", BodyKind.Chunked, null)]
    [InlineData("transfer-encoding:  CHUNKED ", BodyKind.Chunked, null)]
    public void Framing_WithOneReading_IsDecided(string field, BodyKind kind, long? length)
    {
        var framing = Writing.Request($"POST / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n").Framing;

        framing.Kind.Should().Be(kind);
        framing.Length.Should().Be(length);
        framing.HasContent.Should().Be(kind == BodyKind.Chunked || length > 0);
    }

    /// <summary>Places around a Transfer-Encoding where some server somewhere overlooks a byte; {0} is the byte.</summary>
    public static TheoryData<string> Gadgets =>
    [
        "{0}Transfer-Encoding: chunked",
        "Transfer{0}Encoding: chunked",
        "Transfer-Encoding{0}: chunked",
        "Transfer-Encoding:{0}chunked",
        "Transfer-Encoding: chunked{0}",
        "Transfer-Encoding: {0}chunked",
        "Transfer-Encoding: chunked{0}X: y",
        "X: y{0}Transfer-Encoding: chunked",
        "X: y\r{0}Transfer-Encoding: chunked",
        "X: y{0}\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r{0}X: y",
        "Transfer-Encoding: chunked{0}\nX: y",
        "X: y\r\n{0}Transfer-Encoding: chunked",
    ];

    [Theory]
    [MemberData(nameof(Gadgets))]
    public void TransferEncoding_WithAnyByteAroundItBesideALength_IsRefusedOrNoTransferEncoding(string gadget)
    {
        for (int value = 0; value < 256; value++)
        {
            string fields = gadget.Replace("{0}", ((char)value).ToString(), StringComparison.Ordinal);
            foreach (string both in (string[])[$"{fields}\r\nContent-Length: 5", $"Content-Length: 5\r\n{fields}"])
            {
                string message = $"POST / HTTP/1.1\r\nHost: a\r\n{both}\r\nA: b\r\n\r\n";
                if (Reading.Request(message) is { Reason: RejectReason.None } verdict)
                {
                    // Then the byte made it a foreign field, or a part of X's value, and the length is all there is.
                    verdict.Outcome.Should().Be("Complete", $"byte {value}");
                    var request = Writing.Request(message);
                    request.Framing.Length.Should().Be(5, $"byte {value}");
                    request.Headers.Contains(KnownHeader.TransferEncoding).Should().BeFalse($"byte {value}");
                }
            }
        }
    }
}

using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Bodies;

public class ChunkedTests
{
    [Theory]
    [InlineData("0\r\n\r\n", "")]
    [InlineData("5\r\nhello\r\n0\r\n\r\n", "hello")]
    [InlineData("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world")]
    [InlineData("a\r\n0123456789\r\n0\r\n\r\n", "0123456789")]
    [InlineData("A\r\n0123456789\r\n0\r\n\r\n", "0123456789")]
    [InlineData("0000000000000005\r\nhello\r\n0000\r\n\r\n", "hello")]
    [InlineData("2\r\n\r\n\r\n0\r\n\r\n", "\r\n")]
    [InlineData("5;a\r\nhello\r\n0\r\n\r\n", "hello")]
    [InlineData("5;a=b;c=\"d;\\\"\r\"\r\nhello\r\n0\r\n\r\n", null)]
    [InlineData("5;a=b;c=\"d;\\\"e\"\r\nhello\r\n0;z\r\n\r\n", "hello")]
    [InlineData("5 ; a = b ;c\t=\t\"d\" ;e\r\nhello\r\n0\r\n\r\n", "hello")]
    [InlineData("5;a=\"\u00e4\"\r\nhello\r\n0\r\n\r\n", "hello")]
    [InlineData("5 \r\nhello\r\n0 \t \r\n\r\n", "hello")]
    [InlineData("5;a \r\nhello\r\n0;a=b \r\n\r\n", "hello")]
    [InlineData("5;a=\"b\"\t\r\nhello\r\n0\r\n\r\n", "hello")]
    public void Chunks_Sound_GiveTheirContent(string body, string? content)
    {
        var verdict = Reading.Chunked(body + "GET");

        verdict.Model.Should().Be(content is null ? "" : content + "|");
        verdict.Consumed.Should().Be(content is null ? 0 : body.Length);
    }

    [Theory]
    // Sizes.
    [InlineData("\r\nhello", RejectReason.ChunkSizeInvalid)]
    [InlineData(" 5\r\nhello", RejectReason.ChunkSizeInvalid)]
    [InlineData("\t5\r\nhello", RejectReason.ChunkSizeInvalid)]
    [InlineData("+5\r\nhello", RejectReason.ChunkSizeInvalid)]
    [InlineData("-5\r\nhello", RejectReason.ChunkSizeInvalid)]
    [InlineData("0x5\r\nhello", RejectReason.ChunkSizeInvalid)]
    [InlineData("5h\r\nhello", RejectReason.ChunkSizeInvalid)]
    [InlineData("g\r\nhello", RejectReason.ChunkSizeInvalid)]
    [InlineData("5_0\r\nhello", RejectReason.ChunkSizeInvalid)]
    [InlineData("5,\r\nhello", RejectReason.ChunkSizeInvalid)]
    [InlineData(";a\r\nhello", RejectReason.ChunkSizeInvalid)]
    [InlineData("\u0665\r\nhello", RejectReason.ChunkSizeInvalid)]
    [InlineData("8000000000000000\r\n", RejectReason.ChunkSizeTooLarge)]
    [InlineData("ffffffffffffffff\r\n", RejectReason.ChunkSizeTooLarge)]
    [InlineData("10000000000000005\r\n", RejectReason.ChunkSizeTooLarge)]
    [InlineData("00000000000000005\r\nhello", RejectReason.ChunkSizeTooLarge)]
    // Extensions.
    [InlineData("5 5\r\nhello", RejectReason.ChunkExtensionInvalid)]
    [InlineData("5;\r\nhello", RejectReason.ChunkExtensionInvalid)]
    [InlineData("5;;a\r\nhello", RejectReason.ChunkExtensionInvalid)]
    [InlineData("5;=b\r\nhello", RejectReason.ChunkExtensionInvalid)]
    [InlineData("5;a=\r\nhello", RejectReason.ChunkExtensionInvalid)]
    [InlineData("5 ;\r\nhello", RejectReason.ChunkExtensionInvalid)]
    [InlineData("5; \r\nhello", RejectReason.ChunkExtensionInvalid)]
    [InlineData("5 =a\r\nhello", RejectReason.ChunkExtensionInvalid)]
    [InlineData("5 \u000b\r\nhello", RejectReason.ChunkExtensionInvalid)]
    [InlineData("5 \nhello", RejectReason.BareLineFeed)]
    [InlineData("5 \rhello", RejectReason.BareCarriageReturn)]
    [InlineData("5;a b\r\nhello", RejectReason.ChunkExtensionInvalid)]
    [InlineData("5;a=b c\r\nhello", RejectReason.ChunkExtensionInvalid)]
    [InlineData("5;a=\"b\r\nhello", RejectReason.ChunkExtensionInvalid)]
    [InlineData("5;a=\"b\"c\r\nhello", RejectReason.ChunkExtensionInvalid)]
    [InlineData("5;a=\"b\\\r\"\r\nhello", RejectReason.ChunkExtensionInvalid)]
    [InlineData("5;a=\u00e4\r\nhello", RejectReason.ChunkExtensionInvalid)]
    [InlineData("5;a\u0001\r\nhello", RejectReason.ChunkExtensionInvalid)]
    // Bytes and line ends.
    [InlineData("5\nhello", RejectReason.BareLineFeed)]
    [InlineData("5;a\nhello", RejectReason.BareLineFeed)]
    [InlineData("5;a=\"\n\"\r\nhello", RejectReason.BareLineFeed)]
    [InlineData("5\rhello", RejectReason.BareCarriageReturn)]
    [InlineData("5\r\r\nhello", RejectReason.BareCarriageReturn)]
    [InlineData("5\0\r\nhello", RejectReason.NulByte)]
    [InlineData("5;a\0\r\nhello", RejectReason.NulByte)]
    // Ends of chunks.
    [InlineData("5\r\nhello0\r\n\r\n", RejectReason.ChunkEndMissing)]
    [InlineData("5\r\nhello\n0\r\n\r\n", RejectReason.ChunkEndMissing)]
    [InlineData("5\r\nhello\r0\r\n\r\n", RejectReason.ChunkEndMissing)]
    [InlineData("4\r\nhello\r\n0\r\n\r\n", RejectReason.ChunkEndMissing)]
    [InlineData("5\r\nhello\r\n\r\n0\r\n\r\n", RejectReason.ChunkSizeInvalid)]
    [InlineData("0\r\n\rx", RejectReason.BareCarriageReturn)]
    [InlineData("0\r\n\n", RejectReason.BareLineFeed)]
    [InlineData("0\n\n", RejectReason.BareLineFeed)]
    // Ends of input.
    [InlineData("", RejectReason.BodyTruncated)]
    [InlineData("5", RejectReason.BodyTruncated)]
    [InlineData("5\r\n", RejectReason.BodyTruncated)]
    [InlineData("5\r\nhel", RejectReason.BodyTruncated)]
    [InlineData("5\r\nhello", RejectReason.BodyTruncated)]
    [InlineData("5\r\nhello\r\n", RejectReason.BodyTruncated)]
    [InlineData("5\r\nhello\r\n0", RejectReason.BodyTruncated)]
    [InlineData("5\r\nhello\r\n0\r\n", RejectReason.BodyTruncated)]
    [InlineData("5\r\nhello\r\n0\r\n\r", RejectReason.BodyTruncated)]
    [InlineData("5\r\nhello\r\n0\r\nA: b\r\n", RejectReason.BodyTruncated)]
    // Trailers.
    [InlineData("0\r\n A: b\r\n\r\n", RejectReason.WhitespaceBeforeFields)]
    [InlineData("0\r\nA: b\r\n c\r\n\r\n", RejectReason.ObsoleteLineFolding)]
    [InlineData("0\r\nA : b\r\n\r\n", RejectReason.WhitespaceBeforeColon)]
    [InlineData("0\r\nA\r\n\r\n", RejectReason.MissingColon)]
    [InlineData("0\r\nhello\r\n\r\n", RejectReason.MissingColon)]
    [InlineData("0\r\nA: b\n\r\n", RejectReason.BareLineFeed)]
    [InlineData("0\r\nA: b\rc\r\n\r\n", RejectReason.BareCarriageReturn)]
    [InlineData("0\r\nA: \0\r\n\r\n", RejectReason.NulByte)]
    public void Chunks_Unsound_AreRejected(string body, RejectReason reason) =>
        Reading.Chunked(body).Reason.Should().Be(reason);

    [Fact]
    public void ChunkSize_OfSixtyThreeBits_IsAccepted()
    {
        var verdict = Reading.Chunked("7fffffffffffffff\r\nx");

        verdict.Reason.Should().Be(RejectReason.BodyTruncated);
    }

    [Fact]
    public void ChunkLine_LongerThanTheLimit_IsRejected()
    {
        var limits = HttpLimits.Default with { MaxChunkLineBytes = 64 };
        Reading.Chunked($"1;{new string('a', 60)}\r\nx\r\n0\r\n\r\n", limits).Reason.Should().Be(RejectReason.None);
        Reading.Chunked($"1;{new string('a', 61)}\r\nx\r\n0\r\n\r\n", limits).Reason.Should().Be(RejectReason.ChunkLineTooLong);
    }

    [Fact]
    public void Chunks_MostlyExtensions_AreRejected()
    {
        var padded = string.Concat(Enumerable.Repeat($"1;{new string('a', 1000)}\r\nx\r\n", 20));
        Reading.Chunked(padded + "0\r\n\r\n").Reason.Should().Be(RejectReason.ChunkOverheadTooLarge);

        var small = string.Concat(Enumerable.Repeat("1;a=bcd\r\nx\r\n", 10_000));
        Reading.Chunked(small + "0\r\n\r\n").Reason.Should().Be(RejectReason.None);
    }

    [Fact]
    public void Trailers_Allowed_ArriveAndForbiddenOnesAreDropped()
    {
        const string Forbidden =
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\nTrailer: x\r\nConnection: x\r\nKeep-Alive: x\r\n"
            + "TE: x\r\nUpgrade: x\r\nAuthorization: x\r\nProxy-Authorization: x\r\nCookie: x\r\nSet-Cookie: x\r\n"
            + "Content-Type: x\r\nContent-Encoding: x\r\nContent-Range: x\r\nTunnel-Error: x\r\nX-Forwarded-For: x\r\n"
            + "Forwarded: x\r\nX-Real-IP: x\r\nX_Forwarded_For: x\r\nContent_Length: 3\r\nVia: x\r\nMax-Forwards: 1\r\n"
            + "Expect: x\r\nIf-Match: x\r\nRange: x\r\nCache-Control: x\r\nLocation: x\r\nX-Request-Id: x\r\nAge: 1\r\n"
            + "WWW-Authenticate: x\r\nDate: x\r\nVary: x\r\nHTTP2-Settings: x\r\n";
        var verdict = Reading.Chunked("2\r\nhi\r\n0\r\nDigest: q\r\n" + Forbidden + "Grpc-Status: 0\r\nETag: \"x\"\r\n\r\n");

        verdict.Model.Should().Be("hi|Unknown Digest: q\nUnknown Grpc-Status: 0\nETag ETag: \"x\"\n");
    }

    [Fact]
    public void Trailers_BeyondTheLimits_AreRejected()
    {
        var most = string.Concat(Enumerable.Repeat("A: b\r\n", 100));
        Reading.Chunked("0\r\n" + most + "\r\n").Reason.Should().Be(RejectReason.None);
        Reading.Chunked("0\r\n" + most + "A: b\r\n\r\n").Reason.Should().Be(RejectReason.TooManyFields);
        Reading.Chunked("0\r\nA: " + new string('b', 32 * 1024)).Reason.Should().Be(RejectReason.TrailersTooLarge);
    }

    [Theory]
    [InlineData(3, "abc", "Complete", "abc|")]
    [InlineData(3, "abcGET", "Complete", "abc|")]
    [InlineData(0, "GET", "Complete", "|")]
    [InlineData(4, "abc", "Rejected", "")]
    [InlineData(4, "", "Rejected", "")]
    public void Length_OfBody_IsExact(long length, string input, string outcome, string model)
    {
        var bytes = Verdict.Bytes.GetBytes(input);
        var whole = Reading.Body(bytes, [], BodyFraming.OfLength(length));

        whole.Outcome.Should().Be(outcome);
        whole.Model.Should().Be(model);
        whole.Reason.Should().Be(outcome == "Rejected" ? RejectReason.BodyTruncated : RejectReason.None);
        Reading.Body(bytes, Pieces.EveryByte(bytes.Length), BodyFraming.OfLength(length)).Should().Be(whole);
    }

    [Fact]
    public void UntilClose_AtTheEndOfInput_IsComplete() =>
        Reading.Body(Verdict.Bytes.GetBytes("all of it"), [3], BodyFraming.UntilClose).Should()
            .Be(new Verdict("Complete", RejectReason.None, 9, "all of it|"));
}

using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Heads;

public class ResponseTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK", 200, "OK")]
    [InlineData("HTTP/1.0 404 Not Found", 404, "Not Found")]
    [InlineData("HTTP/1.1 200 ", 200, "")]
    [InlineData("HTTP/1.1 200", 200, "")]
    [InlineData("HTTP/1.1 299  two", 299, " two")]
    [InlineData("HTTP/1.1 500 \u00e4\tb", 500, "\u00e4\tb")]
    [InlineData("HTTP/1.1 599 x", 599, "x")]
    [InlineData("HTTP/1.1 600 x", 600, "x")]
    [InlineData("HTTP/1.1 999", 999, "")]
    public void StatusLine_Sound_IsAccepted(string line, int status, string phrase)
    {
        var head = Writing.Response(line + "\r\n\r\n");

        head.Status.Should().Be(status);
        Verdict.Text(head.ReasonPhrase).Should().Be(phrase);
        Verdict.Text(Writing.Bytes(head)).Should().Be($"HTTP/1.1 {status} {phrase}\r\n\r\n");
    }

    [Theory]
    [InlineData("HTTP/1.1", RejectReason.MalformedStatusLine)]
    [InlineData("HTTP/1.1 ", RejectReason.MalformedStatusLine)]
    [InlineData("HTTP/1.1 20", RejectReason.MalformedStatusLine)]
    [InlineData("HTTP/1.1  200 OK", RejectReason.MalformedStatusLine)]
    [InlineData("HTTP/1.1\t200 OK", RejectReason.MalformedStatusLine)]
    [InlineData("HTTP/1.1 2000 OK", RejectReason.MalformedStatusLine)]
    [InlineData("HTTP/1.1 200OK", RejectReason.MalformedStatusLine)]
    [InlineData("HTTP/1.1 200\tOK", RejectReason.MalformedStatusLine)]
    [InlineData("HTTP/1.1 +20 OK", RejectReason.InvalidStatusCode)]
    [InlineData("HTTP/1.1 2x0 OK", RejectReason.InvalidStatusCode)]
    [InlineData("HTTP/1.1 099 OK", RejectReason.InvalidStatusCode)]
    [InlineData("HTTP/1.1 000 OK", RejectReason.InvalidStatusCode)]
    [InlineData("HTTP/1.1 200 O\u0001K", RejectReason.InvalidReasonPhrase)]
    [InlineData("HTTP/1.1 200 O\u007fK", RejectReason.InvalidReasonPhrase)]
    [InlineData("HTTP/1.1 200 O\0K", RejectReason.NulByte)]
    [InlineData("HTTP/1.1 200 O\rK", RejectReason.BareCarriageReturn)]
    [InlineData("HTTP/1.1 200 OK\nA: b", RejectReason.BareLineFeed)]
    [InlineData("http/1.1 200 OK", RejectReason.MalformedStatusLine)]
    [InlineData("Http/1.1 200 OK", RejectReason.MalformedVersion)]
    [InlineData("HTTP/2.0 200 OK", RejectReason.UnsupportedVersion)]
    [InlineData("HTTP/1.2 200 OK", RejectReason.UnsupportedVersion)]
    [InlineData("HTTP/0.9 200 OK", RejectReason.UnsupportedVersion)]
    [InlineData("HTTPS/1.1 200 OK", RejectReason.MalformedStatusLine)]
    [InlineData("SSH-2.0-OpenSSH_9.2", RejectReason.MalformedStatusLine)]
    [InlineData("<html>", RejectReason.MalformedStatusLine)]
    [InlineData("\r\nHTTP/1.1 200 OK", RejectReason.MalformedStatusLine)]
    [InlineData(" HTTP/1.1 200 OK", RejectReason.MalformedStatusLine)]
    public void StatusLine_Unsound_IsRejected(string line, RejectReason reason) =>
        Reading.Response(line + "\r\n\r\n").Reason.Should().Be(reason);

    [Theory]
    [InlineData(RequestMethod.Get, 200, "A: b", BodyKind.UntilClose, null)]
    [InlineData(RequestMethod.Get, 200, "Content-Length: 3", BodyKind.Length, 3L)]
    [InlineData(RequestMethod.Get, 200, "Transfer-Encoding: chunked", BodyKind.Chunked, null)]
    [InlineData(RequestMethod.Get, 205, "Content-Length: 0", BodyKind.Length, 0L)]
    [InlineData(RequestMethod.Get, 204, "A: b", BodyKind.None, null)]
    [InlineData(RequestMethod.Get, 204, "Content-Length: 0", BodyKind.None, null)]
    [InlineData(RequestMethod.Get, 204, "Content-Length: 5", BodyKind.None, null)]
    [InlineData(RequestMethod.Get, 204, "Transfer-Encoding: chunked", BodyKind.None, null)]
    [InlineData(RequestMethod.Get, 999, "A: b", BodyKind.UntilClose, null)]
    [InlineData(RequestMethod.Get, 304, "A: b", BodyKind.None, null)]
    [InlineData(RequestMethod.Get, 304, "Content-Length: 9", BodyKind.None, 9L)]
    [InlineData(RequestMethod.Get, 304, "Transfer-Encoding: chunked", BodyKind.None, null)]
    [InlineData(RequestMethod.Head, 200, "Content-Length: 9", BodyKind.None, 9L)]
    [InlineData(RequestMethod.Head, 200, "Transfer-Encoding: chunked", BodyKind.None, null)]
    [InlineData(RequestMethod.Head, 200, "A: b", BodyKind.None, null)]
    [InlineData(RequestMethod.Head, 404, "Content-Length: 9", BodyKind.None, 9L)]
    [InlineData(RequestMethod.Post, 100, "A: b", BodyKind.None, null)]
    [InlineData(RequestMethod.Get, 103, "Link: x", BodyKind.None, null)]
    [InlineData(RequestMethod.Get, 103, "Content-Length: 0", BodyKind.None, null)]
    public void Framing_ByMethodAndStatus_IsDecided(
        RequestMethod method, int status, string field, BodyKind kind, long? length)
    {
        var framing = Writing.Response($"HTTP/1.1 {status} x\r\n{field}\r\n\r\n", method).Framing;

        framing.Kind.Should().Be(kind);
        framing.Length.Should().Be(length);
    }

    [Theory]
    [InlineData(100, "Content-Length: 5", RejectReason.ContentLengthForbidden)]
    [InlineData(103, "Content-Length: 1", RejectReason.ContentLengthForbidden)]
    [InlineData(204, "Transfer-Encoding: gzip", RejectReason.TransferEncodingNotChunked)]
    [InlineData(100, "Transfer-Encoding: chunked", RejectReason.TransferEncodingForbidden)]
    [InlineData(101, "Connection: upgrade\r\nUpgrade: a\r\nTransfer-Encoding: chunked", RejectReason.TransferEncodingForbidden)]
    [InlineData(101, "Connection: upgrade\r\nUpgrade: a\r\nContent-Length: 2", RejectReason.ContentLengthForbidden)]
    [InlineData(101, "A: b", RejectReason.UpgradeUnconfirmed)]
    [InlineData(101, "Connection: upgrade", RejectReason.UpgradeUnconfirmed)]
    [InlineData(101, "Upgrade: websocket", RejectReason.UpgradeUnconfirmed)]
    [InlineData(101, "Connection: upgrade\r\nUpgrade: h2c", RejectReason.UpgradeUnconfirmed)]
    [InlineData(101, "Connection: upgrade\r\nUpgrade: web socket", RejectReason.UpgradeInvalid)]
    [InlineData(200, "Connection: a/b", RejectReason.ConnectionInvalid)]
    public void Response_ContradictingItsStatus_IsRejected(int status, string fields, RejectReason reason) =>
        Reading.Response($"HTTP/1.1 {status} x\r\n{fields}\r\n\r\n").Reason.Should().Be(reason);

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", true)]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n", false)]
    [InlineData("HTTP/1.1 204 OK\r\n\r\n", true)]
    [InlineData("HTTP/1.1 204 OK\r\nContent-Length: 0\r\n\r\n", true)]
    [InlineData("HTTP/1.1 204 OK\r\nContent-Length: 5\r\n\r\n", false)]
    [InlineData("HTTP/1.1 204 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n", false)]
    [InlineData("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", false)]
    [InlineData("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", true)]
    [InlineData("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", false)]
    [InlineData("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n", false)]
    public void KeepAlive_ByFramingAndConnection_IsTold(string text, bool keepAlive) =>
        Writing.Response(text).KeepAlive.Should().Be(keepAlive);

    [Theory]
    [InlineData("HTTP/1.1 100 x\r\n\r\n", true, false)]
    [InlineData("HTTP/1.1 103 x\r\n\r\n", true, false)]
    [InlineData("HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n", false, true)]
    [InlineData("HTTP/1.1 200 x\r\n\r\n", false, false)]
    public void Response_ByStatus_IsInterimOrSwitch(string text, bool interim, bool isSwitch)
    {
        var head = Writing.Response(text);

        head.IsInterim.Should().Be(interim);
        head.IsSwitch.Should().Be(isSwitch);
        Verdict.Text(head.Upgrade).Should().Be(isSwitch ? "WebSocket" : "");
    }

    [Theory]
    [InlineData("timeout=5, max=100", 5L, 100L)]
    [InlineData("TIMEOUT=0", 0L, null)]
    [InlineData("timeout=x, max", null, null)]
    public void KeepAliveHint_OfOrigin_IsRead(string value, long? timeout, long? max) =>
        KeepAliveHint.Read(Writing.Response($"HTTP/1.1 200 OK\r\nKeep-Alive: {value}\r\n\r\n").Headers)
            .Should().Be(new KeepAliveHint(timeout, max));
}

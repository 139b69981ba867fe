using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Heads;

public class HopByHopTests
{
    private const string Start = "GET / HTTP/1.1\r\nHost: a\r\n";

    [Theory]
    [InlineData("Connection: close")]
    [InlineData("Connection: keep-alive\r\nKeep-Alive: timeout=5")]
    [InlineData("Proxy-Connection: keep-alive")]
    [InlineData("TE: gzip")]
    [InlineData("Upgrade: websocket")]
    [InlineData("HTTP2-Settings: AAMAAABkAAQAAP__")]
    [InlineData("Proxy-Authorization: Basic x\r\nProxy-Authenticate: x\r\nProxy-Authentication-Info: x")]
    [InlineData("Connection: X-Secret\r\nX-Secret: 1\r\nx-secret: 2")]
    [InlineData("X-A: 1\r\nConnection: close, x-a ,,x-b\r\nConnection: x-c\r\nX-B: 2\r\nX-C: 3")]
    [InlineData("Connection: Authorization, Cookie\r\nAuthorization: x\r\nCookie: y")]
    public void Remove_FieldsOfOneConnection_AreGone(string fields)
    {
        var request = Writing.Request(Start + fields + "\r\nKept: 1\r\n\r\n");
        HopByHop.Remove(request.Headers);
        Verdict.Text(Writing.Bytes(request)).Should().Be(Start + "Kept: 1\r\n\r\n");

        var response = Writing.Response("HTTP/1.1 200 OK\r\n" + fields + "\r\nKept: 1\r\n\r\n");
        HopByHop.Remove(response.Headers);
        Verdict.Text(Writing.Bytes(response)).Should().Be("HTTP/1.1 200 OK\r\nKept: 1\r\n\r\n");
    }

    [Fact]
    public void Remove_TransferEncoding_LeavesTheFraming()
    {
        var head = Writing.Request("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");

        HopByHop.Remove(head.Headers);

        head.Headers.Contains(KnownHeader.TransferEncoding).Should().BeFalse();
        Verdict.Text(Writing.Bytes(head)).Should().Be("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    }

    [Theory]
    [InlineData("Host", "a")]
    [InlineData("Content-Length", "1")]
    [InlineData("Forwarded", "for=b")]
    [InlineData("X-Forwarded-For", "b")]
    [InlineData("X-Forwarded-Proto", "b")]
    [InlineData("X-Forwarded-Host", "b")]
    [InlineData("X-Forwarded-Port", "1")]
    [InlineData("X-Real-IP", "b")]
    [InlineData("X-Request-Id", "b")]
    [InlineData("Via", "1.1 b")]
    [InlineData("Expect", "100-continue")]
    public void Remove_ProtectedFieldThatIsNominated_Stays(string name, string value)
    {
        var host = name == "Host" ? "" : "Host: a\r\n";
        var head = Writing.Request($"GET / HTTP/1.1\r\n{host}{name}: {value}\r\nConnection: {name}\r\n\r\n");

        var report = HopByHop.Remove(head.Headers);

        report.NominatesOthers.Should().BeFalse();
        Verdict.Text(Writing.Bytes(head)).Should().Be($"GET / HTTP/1.1\r\n{host}{name}: {value}\r\n\r\n");
    }

    [Theory]
    [InlineData("TE: trailers", true)]
    [InlineData("TE: gzip;q=0.5, Trailers", true)]
    [InlineData("TE: gzip\r\nTE: trailers", true)]
    [InlineData("TE: xtrailers", false)]
    [InlineData("X: trailers", false)]
    public void Remove_Te_ReportsWhetherTrailersAreWelcome(string field, bool accepts) =>
        HopByHop.Remove(Writing.Request(Start + field + "\r\n\r\n").Headers).AcceptsTrailers.Should().Be(accepts);

    [Fact]
    public void RemoveFromTrailers_WhatTheHeadNominated_IsGone()
    {
        var head = Writing.Response("HTTP/1.1 200 OK\r\nConnection: X-Sum, close\r\n\r\n");
        HopByHop.Remove(head.Headers).NominatesOthers.Should().BeTrue();
        var trailers = new HeaderList(new CountingPool());
        trailers.Add("x-sum"u8, "1"u8);
        trailers.Add("Digest"u8, "2"u8);

        HopByHop.RemoveFromTrailers(trailers, head.Headers);

        Verdict.Describe(trailers).Should().Be("Unknown Digest: 2\n");
    }

    [Theory]
    [InlineData("Connection: upgrade\r\nUpgrade: websocket", "websocket")]
    [InlineData("Connection: keep-alive, Upgrade\r\nUpgrade: a/1, b", "a/1, b")]
    [InlineData("Connection: upgrade\r\nUpgrade: h2c, WebSocket\r\nUpgrade: TLS/1.3, x", "WebSocket, x")]
    [InlineData("Connection: upgrade\r\nUpgrade: h2c", "")]
    [InlineData("Connection: upgrade\r\nUpgrade: H2C, HTTP/2.0, tls/1.0, h2, http/3", "")]
    [InlineData("Connection: upgrade", "")]
    [InlineData("Upgrade: websocket", "")]
    [InlineData("Connection: upgrade\r\nUpgrade: tcp\r\nContent-Length: 1", "tcp")]
    [InlineData("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0", "websocket")]
    [InlineData("Connection: upgrade\r\nUpgrade: tcp\r\nTransfer-Encoding: chunked", "tcp")]
    public void Upgrade_Wanted_NamesOnlyWhatMayBeOffered(string fields, string offered)
    {
        var head = Writing.Request(Start + fields + "\r\n\r\n");
        HopByHop.Remove(head.Headers);

        head.WantsUpgrade.Should().Be(offered.Length > 0);
        Verdict.Text(head.Upgrade).Should().Be(offered);
    }

    [Fact]
    public void Upgrade_InHttp10_IsIgnored() =>
        Writing.Request("GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
            .WantsUpgrade.Should().BeFalse();

    [Theory]
    [InlineData("websocket", "websocket", true)]
    [InlineData("websocket", "WebSocket", true)]
    [InlineData("a, websocket", "websocket", true)]
    [InlineData("a, b", "b, a", true)]
    [InlineData("websocket", "a", false)]
    [InlineData("websocket", "websocket, a", false)]
    [InlineData("websocket", "", false)]
    [InlineData("", "websocket", false)]
    [InlineData("web", "websocket", false)]
    [InlineData("websocket", "websocket/13", false)]
    public void Upgrade_Answered_IsConfirmedOnlyWhenAsked(string wanted, string answered, bool confirms) =>
        UpgradeTokens.Confirms(Verdict.Bytes.GetBytes(wanted), Verdict.Bytes.GetBytes(answered)).Should().Be(confirms);
}

using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Heads;

public class RequestLineTests
{
    [Theory]
    [InlineData("GET / HTTP/1.1", RequestMethod.Get)]
    [InlineData("HEAD /a?b=c&d HTTP/1.1", RequestMethod.Head)]
    [InlineData("POST /%41%zz HTTP/1.1", RequestMethod.Post)]
    [InlineData("PUT /{a}|b^`\"<>\\ HTTP/1.1", RequestMethod.Put)]
    [InlineData("DELETE //twice HTTP/1.1", RequestMethod.Delete)]
    [InlineData("PATCH / HTTP/1.1", RequestMethod.Patch)]
    [InlineData("TRACE / HTTP/1.1", RequestMethod.Trace)]
    [InlineData("OPTIONS * HTTP/1.1", RequestMethod.Options)]
    [InlineData("OPTIONS /x HTTP/1.1", RequestMethod.Options)]
    [InlineData("CONNECT a.example:443 HTTP/1.1", RequestMethod.Connect)]
    [InlineData("PROPFIND / HTTP/1.1", RequestMethod.Other)]
    [InlineData("M-SEARCH / HTTP/1.1", RequestMethod.Other)]
    [InlineData("G / HTTP/1.1", RequestMethod.Other)]
    [InlineData("!#$%&'*+-.^_`|~09az / HTTP/1.1", RequestMethod.Other)]
    [InlineData("UPDATEREDIRECTREFVERSIONCONTROLX / HTTP/1.1", RequestMethod.Other)]
    public void RequestLine_Sound_IsAccepted(string line, RequestMethod method)
    {
        var head = Writing.Request(line + "\r\nHost: a.example\r\n\r\n");

        head.Method.Should().Be(method);
        Verdict.Text(head.MethodName).Should().Be(line.Split(' ')[0]);
        Verdict.Text(head.RawTarget).Should().Be(line.Split(' ')[1]);
        Verdict.Text(head.Target).Should().Be(line.Split(' ')[1]);
    }

    [Theory]
    // Parts and spaces.
    [InlineData("GET  / HTTP/1.1", RejectReason.MalformedRequestLine)]
    [InlineData("GET /  HTTP/1.1", RejectReason.MalformedRequestLine)]
    [InlineData("GET / HTTP/1.1 ", RejectReason.MalformedRequestLine)]
    [InlineData("GET / HTTP/1.1 more", RejectReason.MalformedRequestLine)]
    [InlineData("GET /a b HTTP/1.1", RejectReason.MalformedRequestLine)]
    [InlineData("GET\t/\tHTTP/1.1", RejectReason.MalformedRequestLine)]
    [InlineData("GET /\tHTTP/1.1", RejectReason.MissingVersion)]
    [InlineData("GET", RejectReason.MalformedRequestLine)]
    [InlineData("GET ", RejectReason.MalformedRequestLine)]
    [InlineData(" GET / HTTP/1.1", RejectReason.InvalidMethod)]
    [InlineData("GET /", RejectReason.MissingVersion)]
    [InlineData("GET HTTP/1.1", RejectReason.MissingVersion)]
    // Methods.
    [InlineData("get / HTTP/1.1", RejectReason.InvalidMethod)]
    [InlineData("Head / HTTP/1.1", RejectReason.InvalidMethod)]
    [InlineData("connect a:1 HTTP/1.1", RejectReason.InvalidMethod)]
    [InlineData("GE(T / HTTP/1.1", RejectReason.InvalidMethod)]
    [InlineData("G\u00c9T / HTTP/1.1", RejectReason.InvalidMethod)]
    [InlineData("\u0016\u0003\u0001", RejectReason.InvalidMethod)]
    [InlineData("{\"a\":1}", RejectReason.InvalidMethod)]
    [InlineData("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1", RejectReason.MethodTooLong)]
    // Versions.
    [InlineData("GET / http/1.1", RejectReason.MalformedVersion)]
    [InlineData("GET / Http/1.1", RejectReason.MalformedVersion)]
    [InlineData("GET / HTTP/1", RejectReason.MalformedVersion)]
    [InlineData("GET / HTTP/1.", RejectReason.MalformedVersion)]
    [InlineData("GET / HTTP/.1", RejectReason.MalformedVersion)]
    [InlineData("GET / HTTP/11.1", RejectReason.MalformedVersion)]
    [InlineData("GET / HTTP/1.10", RejectReason.MalformedVersion)]
    [InlineData("GET / HTTP/01.1", RejectReason.MalformedVersion)]
    [InlineData("GET / HTTP/1,1", RejectReason.MalformedVersion)]
    [InlineData("GET / HTTP/a.1", RejectReason.MalformedVersion)]
    [InlineData("GET / HTTP-1.1", RejectReason.MalformedVersion)]
    [InlineData("GET / HTTPS/1.1", RejectReason.MalformedVersion)]
    [InlineData("GET / ICE/1.0", RejectReason.MalformedVersion)]
    [InlineData("GET / HTTP/1.1\t", RejectReason.MalformedVersion)]
    [InlineData("GET / HTTP/0.9", RejectReason.UnsupportedVersion)]
    [InlineData("GET / HTTP/1.2", RejectReason.UnsupportedVersion)]
    [InlineData("GET / HTTP/2.0", RejectReason.UnsupportedVersion)]
    [InlineData("GET / HTTP/3.0", RejectReason.UnsupportedVersion)]
    [InlineData("PRI * HTTP/2.0", RejectReason.Http2PriorKnowledge)]
    [InlineData("PRI / HTTP/2.0", RejectReason.UnsupportedVersion)]
    // Targets.
    [InlineData("GET * HTTP/1.1", RejectReason.AsteriskWithoutOptions)]
    [InlineData("OPTIONS ** HTTP/1.1", RejectReason.InvalidTarget)]
    [InlineData("GET path HTTP/1.1", RejectReason.InvalidTarget)]
    [InlineData("GET ?q HTTP/1.1", RejectReason.InvalidTarget)]
    [InlineData("GET a.example:80 HTTP/1.1", RejectReason.InvalidTarget)]
    [InlineData("GET ftp://a.example/ HTTP/1.1", RejectReason.InvalidTarget)]
    [InlineData("GET http:/a.example/ HTTP/1.1", RejectReason.InvalidTarget)]
    [InlineData("GET http:// HTTP/1.1", RejectReason.InvalidTarget)]
    [InlineData("GET http:///path HTTP/1.1", RejectReason.HostInvalid)]
    [InlineData("GET http://u@a.example/ HTTP/1.1", RejectReason.HostInvalid)]
    [InlineData("GET http://a.example\\@b.example/ HTTP/1.1", RejectReason.HostInvalid)]
    [InlineData("GET http://a.example:0/ HTTP/1.1", RejectReason.HostInvalid)]
    [InlineData("GET http://%61.example/ HTTP/1.1", RejectReason.HostInvalid)]
    [InlineData("GET /a#b HTTP/1.1", RejectReason.FragmentInTarget)]
    [InlineData("GET http://a.example#b HTTP/1.1", RejectReason.FragmentInTarget)]
    [InlineData("GET \u00e4 HTTP/1.1", RejectReason.InvalidTarget)]
    [InlineData("GET http://\u00e4.example/ HTTP/1.1", RejectReason.HostInvalid)]
    [InlineData("CONNECT \u00e4.example:80 HTTP/1.1", RejectReason.InvalidConnectTarget)]
    [InlineData("OPTIONS *\u00e4 HTTP/1.1", RejectReason.InvalidTarget)]
    [InlineData("GET /\u0001 HTTP/1.1", RejectReason.InvalidTarget)]
    [InlineData("GET /\u007f HTTP/1.1", RejectReason.InvalidTarget)]
    [InlineData("GET /a\tb HTTP/1.1", RejectReason.InvalidTarget)]
    [InlineData("GET /\0 HTTP/1.1", RejectReason.NulByte)]
    [InlineData("CONNECT / HTTP/1.1", RejectReason.InvalidConnectTarget)]
    [InlineData("CONNECT a.example HTTP/1.1", RejectReason.InvalidConnectTarget)]
    [InlineData("CONNECT a.example: HTTP/1.1", RejectReason.InvalidConnectTarget)]
    [InlineData("CONNECT http://a.example:80 HTTP/1.1", RejectReason.InvalidConnectTarget)]
    [InlineData("CONNECT a.example:65536 HTTP/1.1", RejectReason.InvalidConnectTarget)]
    // Bytes.
    [InlineData("GET /\r HTTP/1.1", RejectReason.BareCarriageReturn)]
    [InlineData("GET / HTTP/1.1\r", RejectReason.BareCarriageReturn)]
    [InlineData("GET / HTTP/1.1\rHost: a", RejectReason.BareCarriageReturn)]
    [InlineData("GET / HTTP/1.1\nHost: a", RejectReason.BareLineFeed)]
    [InlineData("\n", RejectReason.BareLineFeed)]
    public void RequestLine_Unsound_IsRejected(string line, RejectReason reason) =>
        Reading.Request(line + "\r\nHost: a.example\r\n\r\n").Reason.Should().Be(reason);

    [Fact]
    public void RequestLine_AfterOneEmptyLine_IsAccepted() =>
        Reading.Request("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nrest").Should().Match<Verdict>(
            verdict => verdict.Outcome == "Complete" && verdict.Consumed == 29);

    [Fact]
    public void RequestLine_AfterTwoEmptyLines_IsRejected() =>
        Reading.Request("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").Reason.Should().Be(RejectReason.EmptyLinesBeforeRequest);

    [Theory]
    [InlineData("GET http://A.Example:8080/p?q HTTP/1.1", "/p?q", "A.Example:8080", "a.example", 8080)]
    [InlineData("GET HTTPS://a.example HTTP/1.1", "/", "a.example", "a.example", null)]
    [InlineData("GET http://a.example?q HTTP/1.1", "/?q", "a.example", "a.example", null)]
    [InlineData("OPTIONS http://a.example HTTP/1.1", "*", "a.example", "a.example", null)]
    [InlineData("OPTIONS http://a.example/ HTTP/1.1", "/", "a.example", "a.example", null)]
    [InlineData("GET http://[::1]:1/ HTTP/1.1", "/", "[::1]:1", "[::1]", 1)]
    [InlineData("GET http://a.example:/x HTTP/1.1", "/x", "a.example", "a.example", null)]
    [InlineData("GET http://a.example?\u00c3\u00a9 HTTP/1.1", "/?%C3%A9", "a.example", "a.example", null)]
    [InlineData("GET http://a.example/\u00ff%ff HTTP/1.1", "/%FF%ff", "a.example", "a.example", null)]
    public void Target_InAbsoluteForm_RoutesByItsAuthorityAndIsSentOnInOriginForm(
        string line, string target, string authority, string host, int? port)
    {
        var head = Writing.Request(line + "\r\nHost: other.example\r\n\r\n");

        head.TargetForm.Should().Be(TargetForm.Absolute);
        Verdict.Text(head.Authority).Should().Be(authority);
        Verdict.Text(head.HostName).Should().Be(host);
        head.Port.Should().Be(port);
        Verdict.Text(Writing.Bytes(head)).Should().Be($"{line.Split(' ')[0]} {target} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    }

    [Fact]
    public void Target_InAbsoluteFormWithoutHostInHttp10_GetsAHost() =>
        Verdict.Text(Writing.Bytes(Writing.Request("GET http://a.example/ HTTP/1.0\r\n\r\n")))
            .Should().Be("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nConnection: x\r\n", true)]
    [InlineData("GET / HTTP/1.1\r\nConnection: close\r\n", false)]
    [InlineData("GET / HTTP/1.1\r\nConnection: keep-alive, CLOSE\r\n", false)]
    [InlineData("GET / HTTP/1.1\r\nConnection: a\r\nConnection: ,close,\r\n", false)]
    [InlineData("GET / HTTP/1.0\r\n", false)]
    [InlineData("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n", true)]
    [InlineData("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n", false)]
    public void KeepAlive_ByVersionAndConnection_IsTold(string start, bool keepAlive) =>
        Writing.Request(start + "Host: a\r\n\r\n").KeepAlive.Should().Be(keepAlive);

    [Theory]
    [InlineData(RequestMethod.Get, true, true)]
    [InlineData(RequestMethod.Head, true, true)]
    [InlineData(RequestMethod.Options, true, true)]
    [InlineData(RequestMethod.Trace, true, true)]
    [InlineData(RequestMethod.Put, false, true)]
    [InlineData(RequestMethod.Delete, false, true)]
    [InlineData(RequestMethod.Post, false, false)]
    [InlineData(RequestMethod.Patch, false, false)]
    [InlineData(RequestMethod.Connect, false, false)]
    [InlineData(RequestMethod.Other, false, false)]
    public void Method_ByDefinition_IsSafeOrIdempotent(RequestMethod method, bool safe, bool idempotent)
    {
        method.IsSafe.Should().Be(safe);
        method.IsIdempotent.Should().Be(idempotent);
    }
}

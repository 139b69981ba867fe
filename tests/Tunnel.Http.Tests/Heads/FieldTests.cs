using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Heads;

public class FieldTests
{
    public static TheoryData<string, RejectReason> Unsound => new()
    {
        { " X: y\r\n", RejectReason.WhitespaceBeforeFields },
        { "\tX: y\r\n", RejectReason.WhitespaceBeforeFields },
        { "   \r\n", RejectReason.WhitespaceBeforeFields },
        { "A: b\r\n c\r\n", RejectReason.ObsoleteLineFolding },
        { "A: b\r\n\tc\r\n", RejectReason.ObsoleteLineFolding },
        { "A: b\r\n X: y\r\n", RejectReason.ObsoleteLineFolding },
        { "A : b\r\n", RejectReason.WhitespaceBeforeColon },
        { "A\t: b\r\n", RejectReason.WhitespaceBeforeColon },
        { "Content-Length : 5\r\n", RejectReason.WhitespaceBeforeColon },
        { "A\r\n", RejectReason.MissingColon },
        { "A b\r\n", RejectReason.MissingColon },
        { ": b\r\n", RejectReason.EmptyFieldName },
        { ":\r\n", RejectReason.EmptyFieldName },
        { "A b: c\r\n", RejectReason.InvalidFieldName },
        { "A(b): c\r\n", RejectReason.InvalidFieldName },
        { "A\"b: c\r\n", RejectReason.InvalidFieldName },
        { "{A: c\r\n", RejectReason.InvalidFieldName },
        { "\u00c4: c\r\n", RejectReason.InvalidFieldName },
        { "A\u0001: c\r\n", RejectReason.InvalidFieldName },
        { "A\0: c\r\n", RejectReason.NulByte },
        { "A\r: c\r\n", RejectReason.BareCarriageReturn },
        { "A: b\0c\r\n", RejectReason.NulByte },
        { "A: \0\r\n", RejectReason.NulByte },
        { "A: b\rc\r\n", RejectReason.BareCarriageReturn },
        { "A: b\r\r\n", RejectReason.BareCarriageReturn },
        { "A: b\rB: c\r\n", RejectReason.BareCarriageReturn },
        { "A: b\n", RejectReason.BareLineFeed },
        { "A: b\nB: c\r\n", RejectReason.BareLineFeed },
        { "A: b\r\n\n", RejectReason.BareLineFeed },
        { "A: b\u0001\r\n", RejectReason.InvalidFieldValue },
        { "A: b\u000b\r\n", RejectReason.InvalidFieldValue },
        { "A: b\u001b[0m\r\n", RejectReason.InvalidFieldValue },
        { "A: b\u007f\r\n", RejectReason.InvalidFieldValue },
        { "A: b\u0008c\r\n", RejectReason.InvalidFieldValue },
    };

    [Theory]
    [MemberData(nameof(Unsound))]
    public void Field_UnsoundInRequest_IsRejected(string fields, RejectReason reason) =>
        Reading.Request("GET / HTTP/1.1\r\n" + fields + "Host: a\r\n\r\n").Reason.Should().Be(reason);

    [Theory]
    [MemberData(nameof(Unsound))]
    public void Field_UnsoundInResponse_IsRejected(string fields, RejectReason reason) =>
        Reading.Response("HTTP/1.1 200 OK\r\n" + fields + "B: a\r\n\r\n").Reason.Should().Be(reason);

    [Theory]
    [InlineData("A:", "")]
    [InlineData("A: ", "")]
    [InlineData("A:b", "b")]
    [InlineData("A: \t b \t", "b")]
    [InlineData("A: b\tc  d", "b\tc  d")]
    [InlineData("A: \u00e4\u0080\u00ff", "\u00e4\u0080\u00ff")]
    [InlineData("A: b: c :", "b: c :")]
    [InlineData("A: \"quoted, \\\"text\"", "\"quoted, \\\"text\"")]
    public void Field_Sound_KeepsItsValueWithoutOuterWhitespace(string line, string value)
    {
        var head = Writing.Request("GET / HTTP/1.1\r\nHost: a\r\n" + line + "\r\n\r\n");

        head.Headers.TryGet("a"u8, out var found).Should().BeTrue();
        Verdict.Text(found).Should().Be(value);
    }

    [Theory]
    [InlineData("Host: a", "a", "a", null)]
    [InlineData("hOST: Demo.Tunnel.com:8443", "Demo.Tunnel.com:8443", "demo.tunnel.com", 8443)]
    [InlineData("Host: demo.tunnel.com.", "demo.tunnel.com.", "demo.tunnel.com", null)]
    [InlineData("Host: demo.tunnel.com.:80", "demo.tunnel.com.:80", "demo.tunnel.com", 80)]
    [InlineData("Host: my_app.example", "my_app.example", "my_app.example", null)]
    [InlineData("Host: 127.0.0.1:1", "127.0.0.1:1", "127.0.0.1", 1)]
    [InlineData("Host: [::1]", "[::1]", "[::1]", null)]
    [InlineData("Host: A:", "A", "a", null)]
    [InlineData("Host: a.:", "a.", "a", null)]
    [InlineData("Host: [::1]:", "[::1]", "[::1]", null)]
    [InlineData("Host: [FE80::1:2]:65535", "[FE80::1:2]:65535", "[fe80::1:2]", 65535)]
    [InlineData("Host: [::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", null)]
    [InlineData("Host: xn--bcher-kva.example", "xn--bcher-kva.example", "xn--bcher-kva.example", null)]
    public void Host_Valid_Routes(string field, string authority, string name, int? port)
    {
        var head = Writing.Request("GET / HTTP/1.1\r\n" + field + "\r\n\r\n");

        Verdict.Text(head.Authority).Should().Be(authority);
        Verdict.Text(head.HostName).Should().Be(name);
        head.Port.Should().Be(port);
    }

    [Theory]
    [InlineData("X: y", RejectReason.HostMissing)]
    [InlineData("Host: a\r\nHost: a", RejectReason.HostRepeated)]
    [InlineData("Host: a\r\nhost: b", RejectReason.HostRepeated)]
    [InlineData("Host:", RejectReason.HostEmpty)]
    [InlineData("Host: \t", RejectReason.HostEmpty)]
    [InlineData("Host: a, b", RejectReason.HostInvalid)]
    [InlineData("Host: a b", RejectReason.HostInvalid)]
    [InlineData("Host: a/b", RejectReason.HostInvalid)]
    [InlineData("Host: a?b", RejectReason.HostInvalid)]
    [InlineData("Host: a#b", RejectReason.HostInvalid)]
    [InlineData("Host: u@a", RejectReason.HostInvalid)]
    [InlineData("Host: http://a", RejectReason.HostInvalid)]
    [InlineData("Host: a::", RejectReason.HostInvalid)]
    [InlineData("Host: :", RejectReason.HostInvalid)]
    [InlineData("Host: :80", RejectReason.HostInvalid)]
    [InlineData("Host: a:b", RejectReason.HostInvalid)]
    [InlineData("Host: a:-1", RejectReason.HostInvalid)]
    [InlineData("Host: a:0", RejectReason.HostInvalid)]
    [InlineData("Host: a:080", RejectReason.HostInvalid)]
    [InlineData("Host: a:65536", RejectReason.HostInvalid)]
    [InlineData("Host: a:100000", RejectReason.HostInvalid)]
    [InlineData("Host: a:80:90", RejectReason.HostInvalid)]
    [InlineData("Host: ::1", RejectReason.HostInvalid)]
    [InlineData("Host: [::1", RejectReason.HostInvalid)]
    [InlineData("Host: [::1]x", RejectReason.HostInvalid)]
    [InlineData("Host: [::1]]", RejectReason.HostInvalid)]
    [InlineData("Host: [::1%25eth0]", RejectReason.HostInvalid)]
    [InlineData("Host: [1.2.3.4]", RejectReason.HostInvalid)]
    [InlineData("Host: [v1.a:b]", RejectReason.HostInvalid)]
    [InlineData("Host: [1::2::3]", RejectReason.HostInvalid)]
    [InlineData("Host: []", RejectReason.HostInvalid)]
    [InlineData("Host: .", RejectReason.HostInvalid)]
    [InlineData("Host: .a", RejectReason.HostInvalid)]
    [InlineData("Host: a..b", RejectReason.HostInvalid)]
    [InlineData("Host: a..", RejectReason.HostInvalid)]
    [InlineData("Host: %61", RejectReason.HostInvalid)]
    [InlineData("Host: a;b", RejectReason.HostInvalid)]
    [InlineData("Host: a!b", RejectReason.HostInvalid)]
    [InlineData("Host: \u00e4", RejectReason.HostInvalid)]
    public void Host_Unsound_IsRejected(string fields, RejectReason reason)
    {
        Reading.Request("GET / HTTP/1.1\r\n" + fields + "\r\n\r\n").Reason.Should().Be(reason);
        Reading.Request("GET http://b.example/ HTTP/1.1\r\n" + fields + "\r\n\r\n").Reason.Should().Be(reason);
        Reading.Request("GET / HTTP/1.0\r\n" + fields + "\r\n\r\n").Reason
            .Should().Be(reason == RejectReason.HostMissing ? RejectReason.None : reason);
    }

    [Fact]
    public void Host_TooLong_IsRejected()
    {
        var label = new string('a', 63);
        Reading.Request($"GET / HTTP/1.1\r\nHost: {label}\r\n\r\n").Reason.Should().Be(RejectReason.None);
        Reading.Request($"GET / HTTP/1.1\r\nHost: {label}a\r\n\r\n").Reason.Should().Be(RejectReason.HostInvalid);
        Reading.Request($"GET / HTTP/1.1\r\nHost: {label}.{label}.{label}.{label}.a\r\n\r\n").Reason
            .Should().Be(RejectReason.HostInvalid);
    }

    [Fact]
    public void Expect_Empty_ExpectsNothingAndIsDropped()
    {
        var head = Writing.Request("POST / HTTP/1.1\r\nHost: a\r\nExpect:\r\nContent-Length: 1\r\n\r\n");

        head.ExpectsContinue.Should().BeFalse();
        head.Headers.Contains(KnownHeader.Expect).Should().BeFalse();
    }

    [Theory]
    [InlineData("Connection: \"close\"", RejectReason.ConnectionInvalid)]
    [InlineData("Connection: a b", RejectReason.ConnectionInvalid)]
    [InlineData("Connection: close;q=1", RejectReason.ConnectionInvalid)]
    [InlineData("Expect: 200-ok", RejectReason.ExpectationUnsupported)]
    [InlineData("Expect: ,", RejectReason.ExpectationUnsupported)]
    [InlineData("Expect:\r\nExpect: 100-continue", RejectReason.ExpectationUnsupported)]
    [InlineData("Expect: 100-continue, x", RejectReason.ExpectationUnsupported)]
    [InlineData("Expect: 100-continue\r\nExpect: 100-continue", RejectReason.ExpectationUnsupported)]
    [InlineData("Upgrade: a b", RejectReason.UpgradeInvalid)]
    [InlineData("Upgrade: a/", RejectReason.UpgradeInvalid)]
    [InlineData("Upgrade: /1", RejectReason.UpgradeInvalid)]
    [InlineData("Upgrade: a/1/2", RejectReason.UpgradeInvalid)]
    public void ControlField_Unsound_IsRejected(string field, RejectReason reason) =>
        Reading.Request("POST / HTTP/1.1\r\nHost: a\r\n" + field + "\r\n\r\n").Reason.Should().Be(reason);

    [Theory]
    [InlineData("5", 5L)]
    [InlineData("0", 0L)]
    public void MaxForwards_OfTrace_IsRead(string value, long hops)
    {
        Writing.Request($"TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: {value}\r\n\r\n").MaxForwards.Should().Be(hops);
        Writing.Request($"GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: {value}\r\n\r\n").MaxForwards.Should().BeNull();
    }

    [Theory]
    [InlineData("Max-Forwards: x")]
    [InlineData("Max-Forwards: -1")]
    [InlineData("Max-Forwards: 1\r\nMax-Forwards: 1")]
    public void MaxForwards_UnsoundInOptions_IsRejected(string field) =>
        Reading.Request("OPTIONS * HTTP/1.1\r\nHost: a\r\n" + field + "\r\n\r\n").Reason
            .Should().Be(RejectReason.MaxForwardsInvalid);

    [Theory]
    [InlineData("HTTP/1.1", "Content-Length: 1", true, true)]
    [InlineData("HTTP/1.1", "Transfer-Encoding: chunked", true, true)]
    [InlineData("HTTP/1.1", "Content-Length: 0", false, true)]
    [InlineData("HTTP/1.0", "Content-Length: 1", false, false)]
    public void Expectation_OfContinue_CountsWithABodyInHttp11(string version, string framing, bool expects, bool kept)
    {
        var head = Writing.Request($"POST / {version}\r\nHost: a\r\nExpect: 100-Continue\r\n{framing}\r\n\r\n");

        head.ExpectsContinue.Should().Be(expects);
        head.Headers.Contains(KnownHeader.Expect).Should().Be(kept);
    }
}

using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Heads;

public class ConnectionLoginsTests
{
    [Theory]
    [InlineData("Authorization: NTLM TlRMTVNTUAABAAAA", true)]
    [InlineData("authorization: ntlm x", true)]
    [InlineData("Authorization: Negotiate YIIB==", true)]
    [InlineData("Authorization: Negotiate", true)]
    [InlineData("Authorization: NTLM\tx", true)]
    [InlineData("Authorization: Kerberos x", true)]
    [InlineData("Authorization: Nego2 x", true)]
    [InlineData("Authorization: Basic YTpi\r\nAuthorization: NTLM x", true)]
    [InlineData("Authorization: Basic YTpi, NTLM x", true)]
    [InlineData("Authorization: Basic TlRMTSA=", false)]
    [InlineData("Authorization: Bearer NTLM", false)]
    [InlineData("Authorization: NTLMv2 x", false)]
    [InlineData("Authorization:", false)]
    [InlineData("X-Authorization: NTLM x", false)]
    public void Request_WithALoginOfItsConnection_IsKnown(string field, bool isOne)
    {
        RequestHead head = Writing.Request($"GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
        ConnectionLogins.IsAsked(head.Headers).Should().Be(isOne);
        head.Reset();
    }

    [Theory]
    [InlineData("WWW-Authenticate: NTLM TlRMTVNTUAACAAAA", true)]
    [InlineData("WWW-Authenticate: Negotiate oYG2MIGz", true)]
    [InlineData("WWW-Authenticate: Basic realm=\"x\", negotiate oYG2", true)]
    [InlineData("WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM x", true)]
    [InlineData("WWW-Authenticate: NTLM", false)]
    [InlineData("WWW-Authenticate: Negotiate, NTLM", false)]
    [InlineData("WWW-Authenticate: Digest realm=\"x\", nonce=\"y\"", false)]
    [InlineData("Server: NTLM x", false)]
    public void Answer_WithALoginUnderWay_IsKnown(string field, bool isOne)
    {
        ResponseHead head = Writing.Response($"HTTP/1.1 401 Unauthorized\r\n{field}\r\nContent-Length: 0\r\n\r\n");
        ConnectionLogins.IsUnderWay(head.Headers).Should().Be(isOne);
        head.Reset();
    }
}

using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Heads;

public class HeaderListTests
{
    [Fact]
    public void KnownHeaders_InAnyCase_AreFound()
    {
        foreach (var header in Enum.GetValues<KnownHeader>().Where(static header => header is not KnownHeader.Unknown and not KnownHeader.OtherForwarding))
        {
            var name = Verdict.Text(KnownHeaders.NameOf(header));
            name.Replace("-", "", StringComparison.Ordinal).Should().BeEquivalentTo(header.ToString());
            KnownHeaders.Find(Verdict.Bytes.GetBytes(name)).Should().Be(header);
            KnownHeaders.Find(Verdict.Bytes.GetBytes(name.ToUpperInvariant())).Should().Be(header);
            KnownHeaders.Find(Verdict.Bytes.GetBytes(name.ToLowerInvariant())).Should().Be(header);
            KnownHeaders.Find(Verdict.Bytes.GetBytes(name + "x")).Should().BeOneOf(KnownHeader.Unknown, KnownHeader.OtherForwarding);
        }

        Enum.GetValues<KnownHeader>().Length.Should().BeLessThanOrEqualTo(64, "sets of them are one word");
        KnownHeaders.Find(default).Should().Be(KnownHeader.Unknown);
    }

    [Theory]
    [InlineData("X-Forwarded-Ssl", KnownHeader.OtherForwarding)]
    [InlineData("x-forwarded-SCHEME", KnownHeader.OtherForwarding)]
    [InlineData("X-Forwarded-Prefix", KnownHeader.OtherForwarding)]
    [InlineData("X-Forwarded-Server", KnownHeader.OtherForwarding)]
    [InlineData("X-Forwarded-Tls-Client-Cert-Info-And-Whatever-Else-There-Will-Be", KnownHeader.OtherForwarding)]
    [InlineData("X-Forwarded-", KnownHeader.OtherForwarding)]
    [InlineData("X-Forwarded", KnownHeader.OtherForwarding)]
    [InlineData("Client-Cert", KnownHeader.OtherForwarding)]
    [InlineData("client-cert-chain", KnownHeader.OtherForwarding)]
    [InlineData("X-Forwarded-For", KnownHeader.XForwardedFor)]
    [InlineData("PROXY", KnownHeader.Proxy)]
    [InlineData("X-Forwardedly", KnownHeader.Unknown)]
    [InlineData("My-X-Forwarded-Ssl", KnownHeader.Unknown)]
    [InlineData("Client-Certificate", KnownHeader.Unknown)]
    [InlineData("Proxy-Features", KnownHeader.Unknown)]
    public void KnownHeaders_WhatAFrontSays_IsFoundByItsKind(string name, KnownHeader expected) =>
        KnownHeaders.Find(Verdict.Bytes.GetBytes(name)).Should().Be(expected);

    [Theory]
    [InlineData("X_Forwarded_Ssl", KnownHeader.OtherForwarding)]
    [InlineData("x-forwarded_tls-client-cert-info-and-whatever-else", KnownHeader.OtherForwarding)]
    [InlineData("X-Forwarded-Tls_Client.Cert", KnownHeader.OtherForwarding)]
    [InlineData("X.Forwarded.For", KnownHeader.XForwardedFor)]
    [InlineData("X!Real~IP", KnownHeader.XRealIp)]
    [InlineData("Client_Cert", KnownHeader.OtherForwarding)]
    [InlineData("Tunnel_Error", KnownHeader.TunnelError)]
    [InlineData("Tunnel-Error", KnownHeader.Unknown)]
    [InlineData("X_Mine", KnownHeader.Unknown)]
    [InlineData("X_Forwardedly", KnownHeader.Unknown)]
    public void FindAlias_NamesThatCgiCannotTellApart_AreTheSame(string name, KnownHeader expected) =>
        KnownHeaders.FindAlias(Verdict.Bytes.GetBytes(name)).Should().Be(expected);

    [Fact]
    public void Aliases_OfFieldsTheEdgeAnswersFor_AreRemoved()
    {
        var head = Writing.Request(
            "GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded-For: 1\r\nx_real_ip: 1\r\nX_Forwarded_Proto: 1\r\nContent_Length: 1\r\n"
            + "Transfer_Encoding: x\r\nX_Request_Id: 1\r\nTunnel_Error: 1\r\nX_Mine: 1\r\n"
            + "X-Forwarded-Tls_Client_Cert: 1\r\nX-Forwarded-Tls-Client-Cert: 2\r\nX-Forwarded-For: 2\r\nUser_Agent: 3\r\n\r\n");

        head.Headers.RemoveAliases().Should().Be(8);

        Verdict.Describe(head.Headers).Should().Be(
            "Host Host: a\nUnknown X_Mine: 1\nOtherForwarding X-Forwarded-Tls-Client-Cert: 2\nXForwardedFor X-Forwarded-For: 2\nUnknown User_Agent: 3\n");
    }

    [Fact]
    public void List_GrownFarBeyondItsFirstBuffer_KeepsEverything()
    {
        var pool = new CountingPool();
        var list = new HeaderList(pool);
        for (var index = 0; index < 500; index++)
        {
            list.Add(Verdict.Bytes.GetBytes($"Name-{index}"), Verdict.Bytes.GetBytes($"value {index}"));
        }

        pool.Outstanding.Should().Be(1);
        list.Count.Should().Be(500);
        foreach (var field in list)
        {
            Verdict.Text(field.Name).Should().Be($"Name-{field.Index}");
            Verdict.Text(field.Value).Should().Be($"value {field.Index}");
        }

        list.Reset();
        pool.Outstanding.Should().Be(0);
        list.Count.Should().Be(0);
    }

    [Fact]
    public void Set_OfSeveralFields_LeavesOneInTheFirstPlace()
    {
        var head = Writing.Request("GET / HTTP/1.1\r\nVia: 1\r\nHost: a\r\nVia: 2\r\n\r\n");

        head.Headers.Set(KnownHeader.Via, "3"u8);
        head.Headers.Set(KnownHeader.XRealIp, "4"u8);

        Verdict.Describe(head.Headers).Should().Be("Via Via: 3\nHost Host: a\nXRealIp X-Real-IP: 4\n");
        head.Headers.Count.Should().Be(3);
        head.Headers.CountOf(KnownHeader.Via).Should().Be(1);
    }

    [Fact]
    public void Remove_DuringTheWalk_IsAllowed()
    {
        var head = Writing.Request("GET / HTTP/1.1\r\nA: 1\r\nHost: a\r\na: 2\r\n\r\n");
        foreach (var field in head.Headers)
        {
            if (field.Id == KnownHeader.Unknown)
            {
                head.Headers.RemoveAt(field.Index);
                head.Headers.RemoveAt(field.Index);
            }
        }

        head.Headers.Count.Should().Be(1);
        head.Headers.TryGet("A"u8, out _).Should().BeFalse();
        head.Headers.Remove("A"u8).Should().Be(0);
        head.Headers.Remove("hOsT"u8).Should().Be(1);
    }

    [Theory]
    [InlineData("a, b ,,c", "a|b|c")]
    [InlineData(" , ", "")]
    [InlineData("", "")]
    [InlineData("a\t,\tb,", "a|b")]
    public void Members_OfAList_ComeTrimmedAndWithoutEmptyOnes(string value, string members)
    {
        var list = new HeaderList(new CountingPool());
        list.Set(KnownHeader.Connection, Verdict.Bytes.GetBytes(value.Trim()));
        list.Add("connection"u8, ""u8);
        list.Add("X"u8, "no"u8);

        var found = new List<string>();
        foreach (var member in list.Members(KnownHeader.Connection))
        {
            found.Add(Verdict.Text(member));
        }

        string.Join('|', found).Should().Be(members);
    }

    [Theory]
    [InlineData("", "a")]
    [InlineData("A b", "a")]
    [InlineData("A:", "a")]
    [InlineData("A\r\n", "a")]
    [InlineData("A", "a\r\nB: c")]
    [InlineData("A", "a\nb")]
    [InlineData("A", "\0")]
    [InlineData("A", " a")]
    [InlineData("A", "a\t")]
    public void Field_ThatWouldBreakTheLine_CannotBeAddedOrWritten(string name, string value)
    {
        var list = new HeaderList(new CountingPool());
        var add = () => list.Add(Verdict.Bytes.GetBytes(name), Verdict.Bytes.GetBytes(value));
        var write = () =>
        {
            var writer = new HeadWriter(new System.Buffers.ArrayBufferWriter<byte>());
            writer.Field(Verdict.Bytes.GetBytes(name), Verdict.Bytes.GetBytes(value));
        };

        add.Should().Throw<ArgumentException>();
        write.Should().Throw<ArgumentException>();
    }
}

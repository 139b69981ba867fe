using System.Buffers;
using System.Text;
using Tunnel.TestSupport;
using Tunnel.Transport.Tls;
using static Tunnel.TestSupport.HandmadeHello;

namespace Tunnel.Transport.Tests.Tls;

public sealed class ClientHelloReaderTests
{
    public static TheoryData<string, byte[]> Malformed() => new()
    {
        { "another message", Records(Message(2, new byte[40])) },
        { "an empty record", [0x16, 3, 1, 0, 0] },
        { "a record too long", [0x16, 3, 1, 0x40, 1] },
        { "an alert after half a message", [.. Records(Message(ServerName("a.test"))[..20]), 0x15, 3, 3, 0, 2, 2, 40] },
        { "another version in the second record", [.. Records(Message(ServerName("a.test"))[..20]), 0x16, 2] },
        { "a body of nothing", Records(Message(1, [])) },
        { "a body that ends in the random", Records(Message(1, new byte[20])) },
        { "a session id too long", Records(Message(1, [3, 3, .. new byte[32], 33, .. new byte[33], 0, 2, 0x13, 1, 1, 0])) },
        { "no cipher", Records(Message(1, [3, 3, .. new byte[32], 0, 0, 0, 1, 0])) },
        { "half a cipher", Records(Message(1, [3, 3, .. new byte[32], 0, 0, 3, 0, 0, 0, 1, 0])) },
        { "no compression", Records(Message(1, [3, 3, .. new byte[32], 0, 0, 2, 0x13, 1, 0])) },
        { "bytes behind the extensions", Records(Message(1, [.. Message(ServerName("a.test"))[4..], 0])) },
        { "an extension longer than the list", Records(Message([0, 0, 0, 9, 1])) },
        { "half an extension header", Records(Message([0, 0, 0])) },
        { "two server names lists", Records(Message([.. ServerName("a.test"), .. ServerName("b.test")])) },
        { "two names in the list", Records(Message(Extension(0, Vector16([0, 0, 1, (byte)'a', 0, 0, 1, (byte)'b'])))) },
        { "a name of another type", Records(Message(Extension(0, Vector16([1, 0, 1, (byte)'a'])))) },
        { "an empty name", Records(Message(ServerName(""))) },
        { "a name that is a dot", Records(Message(ServerName("."))) },
        { "an empty list of names", Records(Message(Extension(0, Vector16([])))) },
        { "no list of names", Records(Message(Extension(0, []))) },
        { "a name with a space", Records(Message(ServerName("a test"))) },
        { "a name with a NUL", Records(Message(ServerName("a.test\0.b.test"))) },
        { "a name too long", Records(Message(ServerName(new string('a', 256)))) },
        { "a name longer than its list", Records(Message(Extension(0, Vector16([0, 0, 9, (byte)'a'])))) },
        { "bytes behind the list of names", Records(Message(Extension(0, [.. Vector16([0, 0, 1, (byte)'a']), 0]))) },
        { "an empty list of versions", Records(Message(Extension(43, [0]))) },
        { "half a version", Records(Message(Extension(43, [3, 3, 4, 3]))) },
        { "an empty list of signatures", Records(Message(Extension(13, [0, 0]))) },
        { "half a signature", Records(Message(Extension(13, Vector16([4, 3, 8])))) },
        { "ALPN twice", Records(Message([.. Alpn("h2"), .. Alpn("h2")])) },
        { "ALPN without a protocol", Records(Message(Extension(16, Vector16([])))) },
        { "ALPN with an empty protocol", Records(Message(Alpn(""))) },
        { "ALPN with a protocol longer than its list", Records(Message(Extension(16, Vector16([9, 1])))) },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void Read_MalformedAtAnyCut_IsMalformed(string what, byte[] bytes)
    {
        Whole(bytes, out _).Should().Be(ClientHelloOutcome.Malformed, what);
        ByteByByte(bytes, out _).Should().Be(ClientHelloOutcome.Malformed, what);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("\u0016\u0002")]
    [InlineData("\0\0\0\0")]
    public void Read_AnotherProtocol_IsNotTls(string text)
    {
        Whole(Encoding.Latin1.GetBytes(text), out _).Should().Be(ClientHelloOutcome.NotTls);
        ByteByByte(Encoding.Latin1.GetBytes(text), out _).Should().Be(ClientHelloOutcome.NotTls);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(100)]
    [InlineData(16 * 1024)]
    public void Read_InRecordsOfAnySize_FindsNameAndProtocols(int fragment)
    {
        byte[] bytes = Records(
            Message([.. Extension(Grease, []), .. ServerName("Demo.Tunnel.TEST."), .. Alpn("h2", "http/1.1"), .. Extension(Ech, new byte[300])]), fragment);
        foreach (ClientHelloOutcome outcome in new[] { Whole(bytes, out ClientHello? whole), ByteByByte(bytes, out ClientHello? single) })
        {
            outcome.Should().Be(ClientHelloOutcome.Complete);
            whole.Should().BeEquivalentTo(new ClientHello("demo.tunnel.test", ["h2", "http/1.1"]));
            single.Should().BeEquivalentTo(whole);
        }
    }

    [Fact]
    public void Read_AnyShorterPart_NeedsMore()
    {
        byte[] bytes = Records(Message([.. ServerName("a.test"), .. Alpn("h2")]), 50);
        for (int length = 0; length < bytes.Length; length++)
        {
            Whole(bytes[..length], out _).Should().Be(ClientHelloOutcome.NeedMore, "{0} of {1} bytes are there", length, bytes.Length);
        }
    }

    [Theory]
    [InlineData(new byte[] { 4, 0x4A, 0x4A, 3, 4 }, true)]
    [InlineData(new byte[] { 4, 3, 3, 3, 2 }, false)]
    public void Read_Versions_SaysWhetherTls13IsOffered(byte[] versions, bool isOffered)
    {
        Whole(Records(Message([.. Extension(43, versions), .. ServerName("a.test")])), out ClientHello? hello).Should().Be(ClientHelloOutcome.Complete);
        hello!.OffersTls13.Should().Be(isOffered);
    }

    [Theory]
    [InlineData(new byte[] { 8, 4, 4, 3 }, true)]
    [InlineData(new byte[] { 4, 1, 3, 1, 8, 4 }, false)]
    public void Read_Signatures_SaysWhetherEcdsaCanBeChecked(byte[] schemes, bool isTaken)
    {
        Whole(Records(Message([.. Extension(13, Vector16(schemes)), .. ServerName("a.test")])), out ClientHello? hello).Should().Be(ClientHelloOutcome.Complete);
        hello!.TakesEcdsa.Should().Be(isTaken);
    }

    [Theory]
    [InlineData("192.0.2.1", true)]
    [InlineData("192.0.2.1.", true)]
    [InlineData("2001:db8::1", true)]
    [InlineData("::ffff:192.0.2.1", true)]
    [InlineData("[::1]", true)]
    [InlineData("192.0.2.1:8443", true)]
    [InlineData("1", false)]
    [InlineData("1.2", false)]
    [InlineData("192.0.2.1.test", false)]
    [InlineData("1.2.3.4.5", false)]
    public void Read_AddressForAName_HasNone(string name, bool isAddress)
    {
        Whole(Records(Message(ServerName(name))), out ClientHello? hello).Should().Be(ClientHelloOutcome.Complete);
        hello!.ServerName.Should().Be(isAddress ? null : name);
    }

    [Theory]
    [InlineData("demo.test:8443", "demo.test")]
    [InlineData("Demo.Test.:8443", "demo.test")]
    [InlineData("demo.test:", "demo.test")]
    [InlineData("tcp:20000", "tcp")]
    [InlineData("demo.test:https", "demo.test:https")]
    public void Read_NameWithAPort_IsTheName(string sent, string name)
    {
        Whole(Records(Message(ServerName(sent))), out ClientHello? hello).Should().Be(ClientHelloOutcome.Complete);
        hello!.ServerName.Should().Be(name);
    }

    [Fact]
    public void Read_WithoutExtensions_HasNoName()
    {
        Whole(Records(Message(null)), out ClientHello? hello).Should().Be(ClientHelloOutcome.Complete);
        hello!.ServerName.Should().BeNull();
        hello.Protocols.Should().BeEmpty();
        Whole(Records(Message([])), out hello).Should().Be(ClientHelloOutcome.Complete);
        hello!.ServerName.Should().BeNull();
    }

    [Fact]
    public void Read_WhatFollowsTheMessage_IsNotLookedAt()
    {
        Whole([.. For("a.test"), 0x17, 3, 3, 0xFF], out ClientHello? hello).Should().Be(ClientHelloOutcome.Complete);
        hello!.ServerName.Should().Be("a.test");
    }

    [Fact]
    public void Read_MessageBeyondTheLimit_IsTooLargeAsSoonAsItSaysSo() =>
        Whole([0x16, 3, 1, 0, 4, 1, 0, 0x40, 0], out _).Should().Be(ClientHelloOutcome.TooLarge);

    [Fact]
    public void Read_RecordsBeyondTheLimit_IsTooLarge() =>
        Whole(Records(Message(Extension(Grease, new byte[2000])), 1), out _).Should().Be(ClientHelloOutcome.TooLarge);

    [Fact]
    public void Read_Mutated_IsJudgedTheSameHoweverItIsCut()
    {
        byte[][] seeds =
        [
            For("demo.tunnel.test"),
            Records(Message([.. Extension(Grease, []), .. ServerName("a.b"), .. Alpn("h2", "x"), .. Extension(Ech, new byte[50])]), 40),
        ];
        foreach (int seed in Fuzzing.Seeds(4000))
        {
            byte[] bytes = Fuzzing.Mutate(new Random(seed), seeds);
            ClientHelloOutcome whole = Whole(bytes, out ClientHello? hello);
            ClientHelloOutcome cut = ByteByByte(bytes, out ClientHello? again);
            cut.Should().Be(whole, "seed {0}", seed);
            (again?.ServerName, again?.Protocols.Count).Should().Be((hello?.ServerName, hello?.Protocols.Count), "seed {0}", seed);
            (hello is not null).Should().Be(whole == ClientHelloOutcome.Complete, "seed {0}", seed);
        }
    }

    private static ClientHelloOutcome Whole(byte[] bytes, out ClientHello? hello)
    {
        var reader = default(ClientHelloReader);
        return reader.Read(new ReadOnlySequence<byte>(bytes), out hello);
    }

    private static ClientHelloOutcome ByteByByte(byte[] bytes, out ClientHello? hello)
    {
        var reader = default(ClientHelloReader);
        ClientHelloOutcome outcome = ClientHelloOutcome.NeedMore;
        hello = null;
        for (int length = 1; length <= bytes.Length && outcome == ClientHelloOutcome.NeedMore; length++)
        {
            outcome = reader.Read(Fuzzing.SingleBytes(bytes.AsMemory(0, length)), out hello);
        }

        return outcome;
    }
}

using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using Tunnel.Framing.Frames;
using ProtocolViolationException = Tunnel.Framing.Frames.ProtocolViolationException;

namespace Tunnel.Framing.Tests.Frames;

public sealed class OpenHeaderTests
{
    [Theory]
    [InlineData("203.0.113.7:40000", 20, "203.0.113.7")]
    [InlineData("[2001:db8::1]:443", 32, "2001:db8::1")]
    [InlineData("[::ffff:192.0.2.1]:1", 20, "192.0.2.1")]
    [InlineData("[fe80::1%3]:65535", 32, "fe80::1")]
    public void Header_WrittenAndRead_IsTheSame(string visitor, int size, string address)
    {
        IPEndPoint endPoint = IPEndPoint.Parse(visitor);
        var open = new OpenHeader(
            StreamType.Raw,
            VisitorScheme.Https,
            uint.MaxValue,
            VisitorAddress.From(endPoint),
            int.MaxValue,
            RequestTraits.WantsUpgrade | RequestTraits.IsIdempotent);
        byte[] bytes = new byte[open.Size + 2];
        open.Write(bytes);
        ((bytes[0] << 8) | bytes[1]).Should().Be(size);
        OpenHeader read = OpenHeader.Read(new ReadOnlySequence<byte>(bytes), out ReadOnlySequence<byte> first);
        read.Should().Be(open);
        read.Visitor.ToIPAddress().Should().Be(IPAddress.Parse(address));
        read.Visitor.Port.Should().Be((ushort)endPoint.Port);
        first.Length.Should().Be(2);
    }

    [Fact]
    public void Header_WithoutAddress_IsSixteenBytes()
    {
        Plain.Size.Should().Be(16);
        Plain.Visitor.ToIPAddress().Should().BeNull();
    }

    [Fact]
    public void Type_ThatIsNotKnown_IsReadAsItIs() =>
        OpenHeader.Read(new ReadOnlySequence<byte>(Written(Plain with { Type = (StreamType)200 })), out _).Type.Should().Be((StreamType)200);

    /// <summary>Extensions that are read: the bytes, and the connection they name.</summary>
    public static TheoryData<byte[], ulong> GoodExtensions() => new()
    {
        { [], 0 },
        { [1, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2], 258 },
        { [1, 0, 8, 255, 255, 255, 255, 255, 255, 255, 255], ulong.MaxValue },
        { [0, 0, 0], 0 },
        { [2, 0, 0, 255, 0, 0], 0 },
        { [0, 0, 1, 42, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7, 2, 0, 1, 0], 7 },
        { [5, 0, 4, 1, 0, 8, 0], 0 },
        { [200, 0x07, 0xED, .. new byte[0x7ED]], 0 },
    };

    [Theory]
    [MemberData(nameof(GoodExtensions))]
    public void Extensions_Good_AreReadOrSkipped(byte[] extensions, ulong connection)
    {
        foreach (ReadOnlySequence<byte> payload in InOnePieceAndInMany([.. With(extensions), 42]))
        {
            OpenHeader.Read(payload, out ReadOnlySequence<byte> first).Should().Be(Plain with { Connection = connection });
            first.ToArray().Should().Equal(42);
        }
    }

    /// <summary>Extensions that end the session.</summary>
    public static TheoryData<string, byte[]> BadExtensions() => new()
    {
        { "a head cut off", [1] },
        { "a head cut off before the length ends", [1, 0] },
        { "a value cut off", [1, 0, 8, 0, 0, 0, 0, 0, 0, 1] },
        { "an unknown one cut off", [200, 0, 1] },
        { "a length beyond the header", [200, 255, 255, 0] },
        { "a rest behind the last", [1, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2, 3] },
        { "one that comes again", [1, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2] },
        { "an unknown one that comes again", [200, 0, 0, 200, 0, 0] },
        { "types that fall", [200, 0, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2] },
        { "a connection without a number", [1, 0, 0] },
        { "a connection's number cut short", [1, 0, 7, 0, 0, 0, 0, 0, 1, 2] },
        { "a connection's number that is too long", [1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 2] },
        { "connection 0", [1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0] },
        { "more than a header may have", [200, 0x07, 0xEE, .. new byte[0x7EE]] },
    };

    [Theory]
    [MemberData(nameof(BadExtensions))]
    public void Extensions_Bad_AreMalformed(string fault, byte[] extensions)
    {
        foreach (ReadOnlySequence<byte> payload in InOnePieceAndInMany([.. With(extensions), 42]))
        {
            FluentActions.Invoking(() => OpenHeader.Read(payload, out _))
                .Should().Throw<ProtocolViolationException>(fault).Which.Code.Should().Be(CloseCode.MalformedPayload);
        }
    }

    [Fact]
    public void Connection_WrittenAndRead_IsTheSame()
    {
        OpenHeader open = Plain with { Visitor = new VisitorAddress(4, 1, 1), Request = RequestTraits.HasConnectionLogin, Connection = ulong.MaxValue - 1 };
        open.Size.Should().Be(20 + 11);
        OpenHeader.Read(new ReadOnlySequence<byte>(Written(open)), out ReadOnlySequence<byte> first).Should().Be(open);
        first.IsEmpty.Should().BeTrue();
    }

    [Fact]
    public void Read_AtEveryCut_IsMalformed()
    {
        byte[] bytes = Written(Plain with { Visitor = new VisitorAddress(6, 1, 1), Connection = 1 });
        for (int cut = 0; cut < bytes.Length; cut++)
        {
            FluentActions.Invoking(() => OpenHeader.Read(new ReadOnlySequence<byte>(bytes, 0, cut), out _))
                .Should().Throw<ProtocolViolationException>().Which.Code.Should().Be(CloseCode.MalformedPayload);
        }
    }

    private static OpenHeader Plain => new(StreamType.Http, VisitorScheme.Http, 1, default, ProtocolLimits.LeastWindow);

    private static byte[] Written(OpenHeader open)
    {
        byte[] bytes = new byte[open.Size];
        open.Write(bytes);
        return bytes;
    }

    private static byte[] With(byte[] extensions)
    {
        byte[] bytes = [.. Written(Plain), .. extensions];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)bytes.Length);
        return bytes;
    }

    private static ReadOnlySequence<byte>[] InOnePieceAndInMany(byte[] bytes) =>
        [new ReadOnlySequence<byte>(bytes), ByteByByte.Of(bytes)];
}

using System.Buffers;
using System.Net;
using Tunnel.Framing.Frames;
using ProtocolViolationException = Tunnel.Framing.Frames.ProtocolViolationException;

namespace Tunnel.Framing.Tests.Frames;

public sealed class OpenHeaderTests
{
    [Theory]
    [InlineData("203.0.113.7:40000", 19, "203.0.113.7")]
    [InlineData("[2001:db8::1]:443", 31, "2001:db8::1")]
    [InlineData("[::ffff:192.0.2.1]:1", 19, "192.0.2.1")]
    [InlineData("[fe80::1%3]:65535", 31, "fe80::1")]
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
        bytes[0].Should().Be((byte)size);
        OpenHeader read = OpenHeader.Read(new ReadOnlySequence<byte>(bytes), out ReadOnlySequence<byte> first);
        read.Should().Be(open);
        read.Visitor.ToIPAddress().Should().Be(IPAddress.Parse(address));
        read.Visitor.Port.Should().Be((ushort)endPoint.Port);
        first.Length.Should().Be(2);
    }

    [Fact]
    public void Header_WithoutAddress_IsFifteenBytes()
    {
        var open = new OpenHeader(StreamType.Http, VisitorScheme.None, 1, default, ProtocolLimits.LeastWindow);
        open.Size.Should().Be(15);
        open.Visitor.ToIPAddress().Should().BeNull();
    }

    [Theory]
    [InlineData(16)]
    [InlineData(255)]
    public void Read_HeaderOfALaterVersion_SkipsWhatItDoesNotKnow(int length)
    {
        byte[] bytes = new byte[length + 3];
        new OpenHeader(StreamType.Http, VisitorScheme.Http, 1, default, ProtocolLimits.LeastWindow).Write(bytes);
        bytes[0] = (byte)length;
        bytes[^1] = 42;
        OpenHeader.Read(new ReadOnlySequence<byte>(bytes), out ReadOnlySequence<byte> first).TunnelId.Should().Be(1);
        first.ToArray().Should().Equal(0, 0, 42);
    }

    [Theory]
    [InlineData(RequestTraits.HasConnectionLogin, 8)]
    [InlineData(RequestTraits.ConnectionEnded, 8)]
    [InlineData(RequestTraits.HasConnectionLogin, 20)]
    public void Connection_WithABitThatSpeaksOfIt_IsRead(RequestTraits traits, int behindAddress)
    {
        OpenHeader open = WithConnection(traits);
        open.Size.Should().Be(19 + 8);
        byte[] bytes = new byte[19 + behindAddress + 1];
        open.Write(bytes);
        bytes[0] = (byte)(19 + behindAddress);
        bytes[^1] = 42;
        OpenHeader read = OpenHeader.Read(new ReadOnlySequence<byte>(bytes), out ReadOnlySequence<byte> first);
        read.Should().Be(open);
        first.ToArray().Should().Equal(42);
    }

    [Theory]
    [InlineData(RequestTraits.IsIdempotent, 8)]
    [InlineData(RequestTraits.HasConnectionLogin, 7)]
    [InlineData(RequestTraits.HasConnectionLogin, 0)]
    public void Connection_WithoutSuchABitOrRoomForIt_IsNone(RequestTraits traits, int behindAddress)
    {
        byte[] bytes = new byte[19 + 8];
        WithConnection(traits).Write(bytes);
        bytes[0] = (byte)(19 + behindAddress);
        OpenHeader.Read(new ReadOnlySequence<byte>(bytes), out ReadOnlySequence<byte> first).Connection.Should().Be(0);
        first.Length.Should().Be(8 - behindAddress);
    }

    [Fact]
    public void Read_AtEveryCut_IsMalformed()
    {
        byte[] bytes = new byte[39];
        var open = new OpenHeader(
            StreamType.Http, VisitorScheme.Http, 1, new VisitorAddress(6, 1, 1), ProtocolLimits.LeastWindow, RequestTraits.HasConnectionLogin)
        {
            Connection = 1,
        };
        open.Write(bytes);
        for (int cut = 0; cut < bytes.Length; cut++)
        {
            FluentActions.Invoking(() => OpenHeader.Read(new ReadOnlySequence<byte>(bytes, 0, cut), out _))
                .Should().Throw<ProtocolViolationException>().Which.Code.Should().Be(CloseCode.MalformedPayload);
        }
    }

    private static OpenHeader WithConnection(RequestTraits traits) => new(
        StreamType.Http, VisitorScheme.Http, 1, new VisitorAddress(4, 1, 1), ProtocolLimits.LeastWindow, traits)
    {
        Connection = ulong.MaxValue - 1,
    };
}

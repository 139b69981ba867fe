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

    [Fact]
    public void Read_AtEveryCut_IsMalformed()
    {
        byte[] bytes = new byte[31];
        new OpenHeader(StreamType.Http, VisitorScheme.Http, 1, new VisitorAddress(6, 1, 1), ProtocolLimits.LeastWindow).Write(bytes);
        for (int cut = 0; cut < bytes.Length; cut++)
        {
            FluentActions.Invoking(() => OpenHeader.Read(new ReadOnlySequence<byte>(bytes, 0, cut), out _))
                .Should().Throw<ProtocolViolationException>().Which.Code.Should().Be(CloseCode.MalformedPayload);
        }
    }
}

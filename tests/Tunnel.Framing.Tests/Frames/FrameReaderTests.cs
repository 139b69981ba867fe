using System.Buffers;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Tests.Frames;

public sealed class FrameReaderTests
{
    [Fact]
    public void TryRead_AtEveryCut_ConsumesNothingUntilTheFrameIsWhole()
    {
        byte[] frame = RawPeer.Frame(2, FrameKind.Data, "hello"u8, fin: true);
        for (int cut = 0; cut < frame.Length; cut++)
        {
            var part = new ReadOnlySequence<byte>(frame, 0, cut);
            FrameReader.TryRead(ref part, LinkRole.Server, out _, out _).Should().BeFalse();
            part.Length.Should().Be(cut);
        }

        var whole = new ReadOnlySequence<byte>([.. frame, 0xFF]);
        FrameReader.TryRead(ref whole, LinkRole.Server, out FrameHeader header, out ReadOnlySequence<byte> payload).Should().BeTrue();
        header.Should().Be(new FrameHeader(2, FrameKind.Data, 5, fin: true));
        payload.ToArray().Should().Equal("hello"u8.ToArray());
        whole.ToArray().Should().Equal(0xFF);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    public async Task TryRead_InSegments_ReadsTheSame(int size)
    {
        byte[] two = [.. RawPeer.Frame(2, FrameKind.Data, "hello"u8), .. RawPeer.Frame(0, FrameKind.Ping, new byte[8])];
        var link = new MemoryLink();
        await link.A.Output.WriteAsync(two);
        var reader = new SegmentingReader(link.B.Input, size, Segmenting.ManySegments);
        ReadOnlySequence<byte> buffer = (await reader.ReadAsync().Within()).Buffer;
        FrameReader.TryRead(ref buffer, LinkRole.Server, out FrameHeader first, out ReadOnlySequence<byte> payload).Should().BeTrue();
        (first.Kind, first.Length).Should().Be((FrameKind.Data, 5));
        payload.ToArray().Should().Equal("hello"u8.ToArray());
        FrameReader.TryRead(ref buffer, LinkRole.Server, out FrameHeader second, out _).Should().BeTrue();
        second.Kind.Should().Be(FrameKind.Ping);
        buffer.IsEmpty.Should().BeTrue();
        reader.AdvanceTo(buffer.Start);
    }

    [Fact]
    public void Header_WrittenAndRead_KeepsEveryBit()
    {
        Span<byte> bytes = stackalloc byte[FrameHeader.Size];
        foreach (FrameHeader header in new FrameHeader[] { new(uint.MaxValue, 0xFF, 0xFF_FFFF), new(0, 0, 0), new(2, 0x91, 5) })
        {
            header.Write(bytes);
            FrameHeader.Read(bytes).Should().Be(header);
        }

        new FrameHeader(2, 0x91, 5).Should().BeEquivalentTo(
            new { Kind = FrameKind.Data, IsFin = true, HasReservedBits = false, FrameSize = 13, IsSequenced = true });
        new FrameHeader(0, 0x44, 8).HasReservedBits.Should().BeTrue();
    }

    [Theory]
    [InlineData(FrameKind.Hello, false)]
    [InlineData(FrameKind.Close, false)]
    [InlineData(FrameKind.Ack, false)]
    [InlineData(FrameKind.Bind, true)]
    [InlineData(FrameKind.GoAway, true)]
    [InlineData(FrameKind.Open, true)]
    [InlineData(FrameKind.Credit, true)]
    [InlineData((FrameKind)0x0F, true)]
    [InlineData((FrameKind)0x17, true)]
    [InlineData((FrameKind)0x18, false)]
    [InlineData((FrameKind)0x1F, false)]
    public void IsSequenced_FollowsThePage(FrameKind kind, bool sequenced) =>
        new FrameHeader(0, kind, 0).IsSequenced.Should().Be(sequenced);

    [Fact]
    public void Header_EveryKindAndBit_IsJudgedByTheTable()
    {
        for (int k = 0; k < 256; k++)
        {
            foreach (LinkRole role in Enum.GetValues<LinkRole>())
            {
                foreach (uint id in new uint[] { 0, 2 })
                {
                    CloseCode? code = Judge(new FrameHeader(id, (byte)k, 8), role);
                    bool known = Enum.IsDefined((FrameKind)(k & 0x1F)) && (k & 0x60) == 0;
                    (code == CloseCode.UnknownKind).Should().Be(!known, "K is 0x{0:x2}", k);
                }
            }
        }
    }

    private static CloseCode? Judge(FrameHeader header, LinkRole role)
    {
        byte[] bytes = new byte[FrameHeader.Size];
        header.Write(bytes);
        var buffer = new ReadOnlySequence<byte>(bytes);
        try
        {
            FrameReader.TryRead(ref buffer, role, out _, out _);
            return null;
        }
        catch (ProtocolViolationException violation)
        {
            return violation.Code;
        }
    }
}

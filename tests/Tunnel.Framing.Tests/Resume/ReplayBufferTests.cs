using System.Buffers;
using System.Buffers.Binary;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;

namespace Tunnel.Framing.Tests.Resume;

public sealed class ReplayBufferTests : IDisposable
{
    private readonly LeakCheckingPool _memory = new();
    private readonly ChunkPool _chunks;
    private readonly ReplayBuffer _replay;

    public ReplayBufferTests()
    {
        _chunks = new ChunkPool(_memory);
        _replay = new ReplayBuffer(_chunks);
    }

    public void Dispose()
    {
        _replay.Clear();
        _memory.AssertAllReturned();
        _memory.Dispose();
    }

    [Fact]
    public void Append_CountsFramesWhole()
    {
        AppendCredit(2, 1);
        AppendData(2, 100);
        (_replay.Count, _replay.Unacknowledged, _replay.Unsent).Should().Be((12UL + 108, 12UL + 108, 12UL + 108));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(16_384)]
    public void Data_SmallOrLarge_IsOnTheLinkAsItWas(int bytes)
    {
        AppendData(6, bytes);
        byte[] frame = SendNext();
        FrameHeader.Read(frame).Should().Be(new FrameHeader(6, FrameKind.Data, bytes));
        frame[8..].Should().Equal(Enumerable.Range(0, bytes).Select(i => (byte)i));
        Acknowledge((ulong)frame.Length).Should().BeTrue();
    }

    [Fact]
    public void Acknowledge_InOrder_TellsWhatIsNew()
    {
        AppendData(2, 42);
        AppendData(2, 42);
        SendNext();
        SendNext();
        Acknowledge(0).Should().BeFalse();
        Acknowledge(50).Should().BeTrue();
        Acknowledge(50).Should().BeFalse();
        Acknowledge(100).Should().BeTrue();
        _replay.Unacknowledged.Should().Be(0);
        _memory.AssertAllReturned();
    }

    [Fact]
    public void Frames_OfAlmostNothing_CountForWhatKeepingThemCosts()
    {
        // As many bytes as one large frame has would be eight times the memory.
        int frames = 0;
        while (!_replay.IsFull)
        {
            AppendCredit(2, 1);
            frames++;
        }

        frames.Should().BeInRange(100_000, 120_000);
        _replay.IsOverfull.Should().BeFalse();
        while (!_replay.IsOverfull)
        {
            AppendCredit(2, 1);
            frames++;
        }

        frames.Should().BeInRange(120_000, 130_000);
    }

    [Fact]
    public void Ring_AfterAPeak_GivesItsMemoryBackAndIsUsedAgain()
    {
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 50_000; i++)
            {
                AppendCredit(2, 1);
            }

            _replay.Places.Should().BeGreaterThan(50_000);
            while (_replay.TryPeek(out SentFrame frame))
            {
                _replay.Sent(frame);
            }

            Acknowledge(_replay.Count - 12).Should().BeTrue();
            Acknowledge(_replay.Count).Should().BeTrue();
            _replay.Places.Should().Be(16);
            _memory.AssertAllReturned();
        }
    }

    [Theory]
    [InlineData(49)]
    [InlineData(99)]
    [InlineData(101)]
    [InlineData(150)]
    [InlineData(ulong.MaxValue)]
    public void Acknowledge_BackOrInsideAFrameOrUnsent_IsABadAck(ulong count)
    {
        AppendData(2, 42);
        AppendData(2, 42);
        AppendData(2, 42);
        SendNext();
        SendNext();
        Acknowledge(50);
        FluentActions.Invoking(() => Acknowledge(count))
            .Should().Throw<ProtocolViolationException>().Which.Code.Should().Be(CloseCode.BadAck);
    }

    [Fact]
    public void Rewind_ToWhatThePeerHas_SendsTheRestAgain()
    {
        AppendCredit(2, 7);
        AppendData(2, 5000);
        AppendCredit(4, 9);
        byte[][] first = [SendNext(), SendNext(), SendNext()];
        _replay.Rewind(12);
        SendNext().Should().Equal(first[1]);
        AppendCredit(6, 1);
        SendNext().Should().Equal(first[2]);
        FrameHeader.Read(SendNext()).StreamId.Should().Be(6);
        _replay.TryPeek(out _).Should().BeFalse();
    }

    [Fact]
    public void Rewind_ToWhatWasTakenButNeverSent_IsLegal()
    {
        // The link died before the writer came to copy: a peer that states more than was put on a link lies, but the
        // frame has its place, and the count lies on its boundary.
        AppendCredit(2, 7);
        AppendCredit(4, 7);
        SendNext();
        _replay.Rewind(12);
        FrameHeader.Read(SendNext()).StreamId.Should().Be(4);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(13)]
    [InlineData(25)]
    public void Rewind_ToACountThatIsNone_IsABadAck(ulong count)
    {
        AppendCredit(2, 7);
        AppendCredit(4, 7);
        SendNext();
        SendNext();
        Acknowledge(12);
        FluentActions.Invoking(() => _replay.Rewind(count))
            .Should().Throw<ProtocolViolationException>().Which.Code.Should().Be(CloseCode.BadAck);
    }

    [Fact]
    public void IsFull_EightMebibytesUnacknowledged_UntilSomeAre()
    {
        int frames = 0;
        while (!_replay.IsFull)
        {
            AppendData(2, ProtocolLimits.SentPayload);
            frames++;
        }

        frames.Should().Be(510, "each counts for its header and its place as well");
        ulong acknowledged = (ulong)SendNext().Length;
        Acknowledge(acknowledged);
        _replay.IsFull.Should().BeFalse();
    }

    [Fact]
    public void SmallFrames_Packed_HoldLittleMoreMemoryThanTheirBytes()
    {
        for (int i = 0; i < 10_000; i++)
        {
            AppendData(2, 100);
        }

        _memory.RentedBytes.Should().BeLessThan((long)_replay.Count * 5 / 4);
    }

    [Fact]
    public void Acknowledge_OfWhatALinkStillSendsFrom_LeavesItToTheLink()
    {
        AppendData(2, 8_000);
        byte[] sent = [.. Enumerable.Range(0, 8_000).Select(i => (byte)i)];
        var link = new List<(IMemoryOwner<byte> Owner, ReadOnlyMemory<byte> Bytes)>();
        _replay.TryPeek(out SentFrame frame).Should().BeTrue();
        frame.AppendInPlace((owner, bytes) => link.Add((owner, bytes)));
        _replay.Sent(frame);

        Acknowledge(_replay.Count).Should().BeTrue();
        _memory.RentedBytes.Should().BeGreaterThanOrEqualTo(8_000, "an ACK that comes before the bytes have left frees nothing of theirs");
        link[^1].Bytes.ToArray().Should().Equal(sent);
        link.ForEach(piece => piece.Owner.Dispose());
        _memory.AssertAllReturned();
    }

    [Fact]
    public void MustWait_AtTheBound_TellsWhoeverAcknowledges()
    {
        var replay = new ReplayBuffer(_chunks, most: 20);
        replay.MustWait().Should().BeFalse();
        replay.WantsForget.Should().BeFalse();
        BinaryPrimitives.WriteUInt32BigEndian(replay.Append(new FrameHeader(2, FrameKind.Credit, 4)), 1);
        BinaryPrimitives.WriteUInt32BigEndian(replay.Append(new FrameHeader(2, FrameKind.Credit, 4)), 1);
        replay.MustWait().Should().BeTrue();
        replay.TryPeek(out SentFrame frame);
        replay.Sent(frame);
        replay.Acknowledge(12).Should().BeTrue();
        replay.WantsForget.Should().BeTrue();
        replay.MustWait().Should().BeFalse();
        replay.Forget();
        replay.WantsForget.Should().BeFalse();
        replay.Clear();
    }

    [Fact]
    public void MustWait_WhenAnAckFreesTooLittle_TellsWhoeverAcknowledgesNext()
    {
        var replay = new ReplayBuffer(_chunks, most: 20);
        for (uint id = 2; id <= 8; id += 2)
        {
            BinaryPrimitives.WriteUInt32BigEndian(replay.Append(new FrameHeader(id, FrameKind.Credit, 4)), 1);
            replay.TryPeek(out SentFrame frame);
            replay.Sent(frame);
        }

        replay.Acknowledge(12).Should().BeTrue();
        replay.MustWait().Should().BeTrue("two frames are one too many");
        replay.Acknowledge(24).Should().BeTrue();
        replay.WantsForget.Should().BeTrue("the writer loop has stopped");
        replay.Clear();
    }

    // The reader loop's part and the writer loop's.
    private bool Acknowledge(ulong count)
    {
        bool isNew = _replay.Acknowledge(count);
        _replay.Forget();
        return isNew;
    }

    private void AppendCredit(uint id, uint bytes) =>
        BinaryPrimitives.WriteUInt32BigEndian(_replay.Append(new FrameHeader(id, FrameKind.Credit, 4)), bytes);

    private void AppendData(uint id, int bytes)
    {
        OutgoingChunk chunk = _chunks.Rent(Math.Max(bytes, 1));
        for (int i = 0; i < bytes; i++)
        {
            chunk.Memory.Span[i] = (byte)i;
        }

        _replay.Append(new FrameHeader(id, FrameKind.Data, bytes), null, chunk.Memory[..bytes], chunk);
    }

    private byte[] SendNext()
    {
        _replay.TryPeek(out SentFrame frame).Should().BeTrue();
        byte[] bytes = new byte[frame.Size];
        frame.CopyTo(bytes);
        _replay.Sent(frame);
        return bytes;
    }
}

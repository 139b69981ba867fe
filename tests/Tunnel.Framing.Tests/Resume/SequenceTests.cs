using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;

namespace Tunnel.Framing.Tests.Resume;

public sealed class SequenceTests
{
    [Fact]
    public void Sent_CountsSequencedFramesWhole()
    {
        var sent = new SentSequence();
        sent.Add(new FrameHeader(0, FrameKind.Ping, 8));
        sent.Count.Should().Be(0);
        sent.Add(new FrameHeader(2, FrameKind.Data, 100));
        sent.Add(new FrameHeader(0, FrameKind.GoAway, 2));
        sent.Count.Should().Be(118);
        sent.Unacknowledged.Should().Be(118);
    }

    [Fact]
    public void Acknowledge_InOrder_TellsWhatIsNew()
    {
        SentSequence sent = Sent(100);
        sent.Acknowledge(0).Should().BeFalse();
        sent.Acknowledge(50).Should().BeTrue();
        sent.Acknowledge(50).Should().BeFalse();
        sent.Acknowledge(100).Should().BeTrue();
        sent.Unacknowledged.Should().Be(0);
    }

    [Theory]
    [InlineData(49)]
    [InlineData(101)]
    [InlineData(ulong.MaxValue)]
    public void Acknowledge_BackOrAbove_IsABadAck(ulong count)
    {
        SentSequence sent = Sent(100);
        sent.Acknowledge(50);
        FluentActions.Invoking(() => sent.Acknowledge(count))
            .Should().Throw<ProtocolViolationException>().Which.Code.Should().Be(CloseCode.BadAck);
    }

    [Fact]
    public void Received_KnowsWhatThePeerWasNotTold()
    {
        var received = new ReceivedSequence();
        received.Add(new FrameHeader(0, FrameKind.Ack, 8));
        received.HasNews.Should().BeFalse();
        received.Add(new FrameHeader(2, FrameKind.Data, ProtocolLimits.AckEvery - 9));
        (received.HasNews, received.IsDue).Should().Be((true, false));
        received.Add(new FrameHeader(2, FrameKind.Data, 0));
        received.IsDue.Should().BeTrue();
        received.Tell().Should().Be(ProtocolLimits.AckEvery + 7);
        (received.HasNews, received.IsDue).Should().Be((false, false));
    }

    private static SentSequence Sent(int bytes)
    {
        var sent = new SentSequence();
        sent.Add(new FrameHeader(2, FrameKind.Data, bytes - FrameHeader.Size));
        return sent;
    }
}

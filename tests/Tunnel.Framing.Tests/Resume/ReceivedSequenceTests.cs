using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;

namespace Tunnel.Framing.Tests.Resume;

public sealed class ReceivedSequenceTests
{
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
}

using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Resume;

/// <summary>Counts the sequenced bytes received and says when an ACK is due (docs/protocol.md, section 7).</summary>
internal sealed class ReceivedSequence
{
    private ulong _told;

    /// <summary>Sequenced bytes received in whole frames.</summary>
    public ulong Count { get; private set; }

    /// <summary>Something was received that the peer has not been told of.</summary>
    public bool HasNews => Count != _told;

    /// <summary>So much is untold that the ACK goes out without waiting.</summary>
    public bool IsDue => Count - _told >= ProtocolLimits.AckEvery;

    public void Add(in FrameHeader header)
    {
        if (header.IsSequenced)
        {
            Count += (ulong)header.FrameSize;
        }
    }

    /// <summary>The count for an ACK that is sent now.</summary>
    public ulong Tell() => _told = Count;
}

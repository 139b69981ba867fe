using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Resume;

/// <summary>Counts the sequenced bytes we sent and the peer's acknowledgement of them (docs/protocol.md, section 7).</summary>
internal sealed class SentSequence
{
    /// <summary>Sequenced bytes that have their place: header and payload of whole frames.</summary>
    public ulong Count { get; private set; }

    public ulong Acknowledged { get; private set; }

    public ulong Unacknowledged => Count - Acknowledged;

    public void Add(in FrameHeader header)
    {
        if (header.IsSequenced)
        {
            Count += (ulong)header.FrameSize;
        }
    }

    /// <summary>Returns false when the ACK told nothing new.</summary>
    /// <exception cref="ProtocolViolationException">The count goes back, or is above what was sent.</exception>
    public bool Acknowledge(ulong count)
    {
        if (count < Acknowledged || count > Count)
        {
            throw new ProtocolViolationException(
                CloseCode.BadAck, $"ACK of {count} after {Acknowledged}, with {Count} sent.");
        }

        bool isNew = count > Acknowledged;
        Acknowledged = count;
        return isNew;
    }
}

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

using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Resume;

/// <summary>
/// Counts the sequenced bytes received and says when an ACK is due (docs/protocol.md, section 7). The reader loop adds, the
/// writer loop tells, or whoever changes links; anybody may look: no lock.
/// </summary>
internal sealed class ReceivedSequence
{
    private ulong _count;
    private ulong _told;

    /// <summary>Sequenced bytes received in whole frames.</summary>
    public ulong Count => Volatile.Read(ref _count);

    /// <summary>Something was received that the peer has not been told of.</summary>
    public bool HasNews => Count != Volatile.Read(ref _told);

    /// <summary>So much is untold that the ACK goes out without waiting.</summary>
    public bool IsDue => Count - Volatile.Read(ref _told) >= ProtocolLimits.AckEvery;

    public void Add(in FrameHeader header)
    {
        if (header.IsSequenced)
        {
            Volatile.Write(ref _count, _count + (ulong)header.FrameSize);
        }
    }

    /// <summary>The count for an ACK that is sent now.</summary>
    public ulong Tell()
    {
        ulong count = Count;
        Volatile.Write(ref _told, count);
        return count;
    }
}

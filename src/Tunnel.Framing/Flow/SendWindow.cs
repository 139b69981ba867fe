using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Flow;

/// <summary>What the peer allows us to send on one stream (docs/protocol.md, section 5). Bytes.</summary>
internal struct SendWindow(uint first)
{
    private long _available = first;

    public readonly int Available => (int)_available;

    public void Take(int bytes) => _available -= bytes;

    /// <exception cref="ProtocolViolationException">A grant that no window can take.</exception>
    public static void Check(uint bytes)
    {
        if (bytes is 0 or > ProtocolLimits.MostCredit)
        {
            throw new ProtocolViolationException(CloseCode.CreditOverflow, $"A CREDIT of {bytes} bytes.");
        }
    }

    /// <exception cref="ProtocolViolationException">A grant of nothing, or beyond what a window can be.</exception>
    public void Grant(uint bytes)
    {
        Check(bytes);
        if (_available + bytes > ProtocolLimits.MostCredit)
        {
            throw new ProtocolViolationException(
                CloseCode.CreditOverflow, $"A CREDIT of {bytes} on a window of {_available} bytes.");
        }

        _available += bytes;
    }
}

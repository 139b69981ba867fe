using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// Counts frames that cost work and move nothing (docs/protocol.md, section 9): a bucket that refills. Pure.
/// </summary>
internal sealed class FloodGuard(int atOnce, int perSecond)
{
    private double _left = atOnce;
    private TimeSpan _filledAt;

    /// <exception cref="ProtocolViolationException">Too many of them.</exception>
    public void Count(TimeSpan now)
    {
        _left = Math.Min(atOnce, _left + ((now - _filledAt).TotalSeconds * perSecond));
        _filledAt = now;
        if (--_left < 0)
        {
            throw new ProtocolViolationException(CloseCode.Flood, "Too many frames without effect.");
        }
    }
}

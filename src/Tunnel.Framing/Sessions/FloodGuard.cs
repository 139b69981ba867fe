using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// Counts frames that cost work and move nothing (docs/protocol.md, section 9): a bucket that refills. Pure.
/// </summary>
internal sealed class FloodGuard(int atOnce, int perSecond)
{
    /// <summary>Frames that may cross on the wire with the end of one stream.</summary>
    public const int PerStream = 8;

    private double _left = atOnce;
    private TimeSpan _filledAt;

    /// <summary>Honest work went on that may leave so many frames without effect behind.</summary>
    public void Allow(int frames) => _left = Math.Min(atOnce, _left + frames);

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

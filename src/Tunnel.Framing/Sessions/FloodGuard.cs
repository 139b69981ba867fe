using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// Counts frames that cost work and move nothing (docs/protocol.md, section 9): a bucket that refills with time, and
/// with every stream, because each may leave a few late frames behind and a busy session has many. Pure.
/// </summary>
internal sealed class FloodGuard(int atOnce, int perSecond)
{
    /// <summary>Frames that may cross on the wire with the end of one stream: grants of half a window each, a RESET.</summary>
    public const int PerStream = 8;

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

    /// <summary>A stream was opened, by either side.</summary>
    public void StreamOpened() => _left = Math.Min(atOnce, _left + PerStream);
}

using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Resume;

/// <summary>
/// Adds up for how long the peer goes on sending on a link and acknowledges nothing of what it was sent
/// (docs/protocol.md, section 7, "Keeping"). A slow link is no offence: silence does not count, and neither does the time
/// in which our own process stood still. Pure; the reader loop's.
/// </summary>
internal sealed class AckPatience
{
    /// <summary>
    /// More than this between two arrivals is not the peer's: a busy link that is silent for so long is lost (section 6).
    /// </summary>
    private static readonly TimeSpan MostAtOnce = TimeSpan.FromSeconds(5);

    private ulong _acknowledged;
    private bool _counts;
    private TimeSpan _lastArrival;
    private TimeSpan _spent;

    /// <summary>Something came from the peer, and all of it is handled.</summary>
    /// <param name="acknowledged">The count that the peer has acknowledged by now.</param>
    /// <param name="isAwaited">Something was put on the link that is not acknowledged.</param>
    /// <exception cref="ProtocolViolationException">Patience is over.</exception>
    public void OnArrival(TimeSpan now, ulong acknowledged, bool isAwaited)
    {
        TimeSpan passed = now - _lastArrival;
        _lastArrival = now;
        if (!isAwaited || !_counts || acknowledged != _acknowledged)
        {
            _counts = isAwaited;
            _acknowledged = acknowledged;
            _spent = TimeSpan.Zero;
            return;
        }

        _spent += passed < MostAtOnce ? passed : MostAtOnce;
        if (_spent >= ProtocolLimits.AckPatience)
        {
            throw new ProtocolViolationException(
                CloseCode.Flood, $"Frames for {ProtocolLimits.AckPatience.TotalSeconds:0} s, and none of ours acknowledged after {acknowledged}.");
        }
    }

    /// <summary>Another link: what happened on the last one does not count.</summary>
    public void Restart() => _counts = false;
}

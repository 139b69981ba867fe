namespace Tunnel.Transport.Sockets;

/// <summary>
/// Decides whether a TCP peer is gone, from what the system says of it now and then: it was asked again and again, by
/// retransmissions or by probes of its closed window, and nothing at all has come back for long. A peer whose window is closed
/// answers probes and is not gone, and neither is one that we owe nothing: that one the system's keepalive asks. Pure.
/// </summary>
/// <param name="limit">How long it may be silent while it is asked.</param>
internal struct PeerSilence(TimeSpan limit)
{
    /// <summary>One or two that are lost happen on any bad network, and probes may be two minutes apart.</summary>
    private const int LeastUnanswered = 3;

    private TimeSpan? _since;

    /// <param name="now">A reading of a clock that only goes forward.</param>
    /// <param name="unanswered">Retransmissions and probes in a row without an answer.</param>
    /// <param name="sinceLastAck">Since anything at all came from the peer.</param>
    public bool IsGone(TimeSpan now, int unanswered, TimeSpan sinceLastAck)
    {
        if (unanswered < LeastUnanswered)
        {
            _since = null;
            return false;
        }

        if (_since is not { } since || now - sinceLastAck > since)
        {
            _since = now;
            return false;
        }

        return now - since >= limit;
    }
}

using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The orderly way out of a session (docs/protocol.md, section 6, GOAWAY): each side says once that it opens no more,
/// what runs may finish, and who spoke first closes.
/// </summary>
internal sealed class Farewell(Session session)
{
    private volatile bool _isReceived;
    private volatile bool _isFirst;

    /// <summary>This side speaks first. Returns false when either has spoken already.</summary>
    public bool TryBegin(GoAwayMessage message)
    {
        if (message.FindFault() is { } fault)
        {
            throw new ArgumentException($"GOAWAY {fault}.");
        }

        if (!session.Streams.EndOpens())
        {
            return false;
        }

        session.SendMessage(FrameKind.GoAway, message);
        _isFirst = true;

        // The answer may have come already, and nothing more is sure to come.
        CloseIfDrained();
        return true;
    }

    /// <summary>The peer spoke: answered at once, unless ours was sent already.</summary>
    /// <exception cref="ProtocolViolationException">It had spoken before.</exception>
    public void Receive(GoAwayMessage message)
    {
        if (_isReceived)
        {
            throw new ProtocolViolationException(CloseCode.UnexpectedFrame, "A second GOAWAY.");
        }

        _isReceived = true;
        if (session.Streams.EndOpens())
        {
            session.SendMessage(FrameKind.GoAway, message);
        }
    }

    /// <summary>
    /// Closes when we spoke first, both have, nothing runs any more, and the peer has all that we sent: a link that is lost
    /// with our CLOSE must not take anything else along. Every ACK is an occasion to ask.
    /// </summary>
    public void CloseIfDrained()
    {
        if (!_isFirst || !_isReceived)
        {
            return;
        }

        lock (session.Streams.Gate)
        {
            if (session.Streams.Count > 0 || session.Streams.Queue.HasUrgent || session.Streams.Replay.Unacknowledged > 0)
            {
                return;
            }
        }

        session.Close(CloseCode.Normal, "all streams are finished");
    }
}

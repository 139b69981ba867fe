using System.Buffers;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// What a session tells its owner. Calls come one at a time, from the reader loop or, between two links, from whoever
/// attaches; they must return soon: while they run, nothing is read from the link.
/// </summary>
public interface ISessionUser
{
    /// <summary>The peer opened a stream. The stream is the callee's, to serve and to dispose.</summary>
    public void OnStream(TunnelStream stream);

    /// <summary>BIND, BOUND or UNBIND came; the payload is valid during the call.</summary>
    /// <exception cref="ProtocolViolationException">The payload breaks a rule; ends the session.</exception>
    public void OnMessage(FrameKind kind, in ReadOnlySequence<byte> payload);

    /// <summary>The peer opens no more streams and will leave; the session has answered.</summary>
    public void OnGoAway(GoAwayMessage message);

    /// <summary>The session has a link: streams may be opened, what waited goes out.</summary>
    public void OnAttached()
    {
    }

    /// <summary>The link was lost and the session lives on without one, for the resume window at most.</summary>
    /// <param name="reason">A sentence for a log.</param>
    public void OnDetached(string reason)
    {
    }
}

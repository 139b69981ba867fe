using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>Who or what ended a session.</summary>
public enum SessionEndKind
{
    /// <summary>We sent CLOSE.</summary>
    ClosedHere,

    /// <summary>The peer sent CLOSE.</summary>
    ClosedByPeer,

    /// <summary>The link ended without CLOSE.</summary>
    LinkLost,
}

/// <summary>The first reason a session ended for; it reaches every stream and both logs.</summary>
/// <param name="Code">The code of CLOSE; <see cref="CloseCode.Normal"/> when the link was lost.</param>
/// <param name="Message">A sentence for a log. When the peer sent it, it is the peer's text: escape it.</param>
public sealed record SessionEnd(SessionEndKind Kind, CloseCode Code, string Message);

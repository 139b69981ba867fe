namespace Tunnel.Http.Bodies;

/// <summary>What <see cref="BodyReader"/> says about the bytes it was shown.</summary>
public enum BodyOutcome
{
    /// <summary>No content without more bytes; framing that was complete has been consumed all the same.</summary>
    NeedMore,

    /// <summary>A piece of content; call again with what lies behind it.</summary>
    Content,

    /// <summary>The body is whole, trailers included; what follows belongs to the next message.</summary>
    Complete,

    /// <summary>The body is refused; the reader's reason says why, and the connection has no future.</summary>
    Rejected,
}

namespace Tunnel.Http.Heads;

/// <summary>What a head parser says about the bytes it was shown.</summary>
public enum ParseOutcome
{
    /// <summary>The head is not all there; nothing was consumed, everything was examined.</summary>
    NeedMore,

    /// <summary>The head is whole and sound; exactly its bytes were consumed.</summary>
    Complete,

    /// <summary>The head is refused; the parser's reason says why, and the connection has no future.</summary>
    Rejected,
}

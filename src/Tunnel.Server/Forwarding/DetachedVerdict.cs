namespace Tunnel.Server.Forwarding;

/// <summary>What becomes of a request while its session has no link.</summary>
internal enum DetachedVerdict
{
    /// <summary>The session goes on with it when its agent is back.</summary>
    Waits,

    /// <summary>It goes to a session that has a link.</summary>
    Moves,

    /// <summary>It has waited as long as any request may for an agent that is not there.</summary>
    GivesUp,
}

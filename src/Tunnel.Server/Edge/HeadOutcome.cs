namespace Tunnel.Server.Edge;

/// <summary>What a read has brought a <see cref="VisitorConnection"/> that waits for the head of a request.</summary>
internal enum HeadOutcome
{
    NeedMore,

    Complete,

    Rejected,

    /// <summary>There is nothing (more) to serve, and nothing to be said.</summary>
    NoneComes,
}

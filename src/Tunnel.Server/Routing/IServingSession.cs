using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Server.Routing;

/// <summary>
/// A session as the routing knows it: what streams are opened on, and how much of it is taken. An agent's that is connected
/// here (<see cref="TunnelHolder"/>), or whatever else leads to one. Safe from any thread.
/// </summary>
internal interface IServingSession
{
    /// <summary>It has a link; without one, requests wait for it at the name.</summary>
    public bool IsAttached { get; }

    /// <summary>It takes no new streams any more, or has ended.</summary>
    public bool IsLeaving { get; }

    /// <summary>A request can be given to it now.</summary>
    public bool HasRoom { get; }

    /// <summary>Streams that are not closed yet.</summary>
    public int OpenStreams { get; }

    /// <summary>Most that it takes at one time.</summary>
    public int MostStreams { get; }

    /// <summary>Who has how many of its streams; guarded by the registry's lock.</summary>
    public VisitorShares Shares { get; }

    /// <summary>The name of the token of its agent; null: it has none.</summary>
    public string? TokenName { get; }

    /// <summary>Opens a stream; null when none may be opened now.</summary>
    public ITunnelStream? TryOpen(in OpenHeader open);

    /// <summary>Adds the streams that are open at this moment. It costs as many steps as there are.</summary>
    public void CopyStreams(List<ITunnelStream> streams);
}

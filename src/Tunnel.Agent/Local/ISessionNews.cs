using Tunnel.Framing.Frames;

namespace Tunnel.Agent.Local;

/// <summary>What the server says on a session beside its streams. Called by the reader loop, so nothing here may block.</summary>
internal interface ISessionNews
{
    /// <summary>The server will leave.</summary>
    public void OnGoAway(GoAwayMessage message);

    /// <summary>An answer to BIND.</summary>
    public void OnBound(BoundMessage message);

    /// <summary>A tunnel was taken away.</summary>
    public void OnUnbound(UnboundMessage message);
}

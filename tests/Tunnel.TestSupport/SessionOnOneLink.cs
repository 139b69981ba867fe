using System.IO.Pipelines;
using Tunnel.Framing.Sessions;

namespace Tunnel.TestSupport;

/// <summary>Sessions that no second link is for.</summary>
public static class SessionOnOneLink
{
    /// <summary>The session's life, with this link attached at once.</summary>
    public static async Task<SessionEnd> RunAsync(this Session session, IDuplexPipe link)
    {
        Task<SessionEnd> life = session.RunAsync();
        await session.AttachAsync(link, peerCount: 0);
        return await life;
    }
}

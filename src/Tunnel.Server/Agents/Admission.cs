using Tunnel.Framing.Frames;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server.Agents;

/// <summary>
/// Who may become a session. Until tokens exist only local agents are admitted: both socket addresses of the link are
/// loopback (DESIGN section 8).
/// </summary>
internal static class Admission
{
    /// <summary>Null: admitted.</summary>
    public static RejectMessage? Judge(HelloMessage hello, SocketConnection link, bool isDraining, bool isFull)
    {
        if (hello.Version < ProtocolLimits.Version || (hello.MinVersion ?? hello.Version) > ProtocolLimits.Version)
        {
            string side = hello.Version < ProtocolLimits.Version ? "agent" : "server";
            return Refuse(
                RejectCodes.VersionMismatch,
                $"The agent speaks protocol {hello.MinVersion ?? hello.Version} to {hello.Version}, this server {ProtocolLimits.Version}. Update the {side}.");
        }

        if (isDraining)
        {
            return Refuse(RejectCodes.Draining, "The server is stopping; another one may take its place at once.", retry: true);
        }

        if (!LoopbackRule.IsLocal(link.LocalEndPoint, link.RemoteEndPoint))
        {
            return Refuse(
                RejectCodes.TokenRequired,
                "This server admits agents on its own machine only. Run the agent there, or wait for a version with tokens.");
        }

        if (hello.Tunnels is null)
        {
            return Refuse(RejectCodes.ResumeRefused, "This server keeps no detached sessions; open a new one.", retry: true);
        }

        return isFull ? Refuse(RejectCodes.TooManySessions, "The server is at its limit of sessions.", retry: true) : null;
    }

    private static RejectMessage Refuse(string code, string message, bool retry = false) =>
        new() { Code = code, Message = message, Retry = retry };
}

using Tunnel.Framing.Frames;
using Tunnel.Server.Identity;

namespace Tunnel.Server.Agents;

/// <summary>
/// Who may become a session: an agent that speaks our protocol, and that <see cref="Gatekeeper"/> knows.
/// </summary>
internal static class Admission
{
    /// <summary>Null: admitted, as <paramref name="who"/>. Judged again for every link of a session.</summary>
    public static RejectMessage? Judge(HelloMessage hello, in LinkFacts link, Gatekeeper gate, out AgentIdentity? who)
    {
        if (hello.Version < ProtocolLimits.Version || (hello.MinVersion ?? hello.Version) > ProtocolLimits.Version)
        {
            who = null;
            string side = hello.Version < ProtocolLimits.Version ? "agent" : "server";
            return Refuse(
                RejectCodes.VersionMismatch,
                $"The agent speaks protocol {hello.MinVersion ?? hello.Version} to {hello.Version}, this server {ProtocolLimits.Version}. Update the {side}.");
        }

        who = gate.Identify(hello.Token, link, out RejectMessage? refusal);
        return refusal;
    }

    private static RejectMessage Refuse(string code, string message) => new() { Code = code, Message = message };
}

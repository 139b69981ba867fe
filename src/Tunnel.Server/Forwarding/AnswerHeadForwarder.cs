using Tunnel.Http.Heads;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// Step 9: what of the origin's answer head the visitor gets. The agent is not trusted with the visitor's connection: whoever
/// writes the head says itself what concerns that.
/// </summary>
internal static class AnswerHeadForwarder
{
    /// <summary>
    /// Takes out what does not go on, before anything of ours goes in: what an origin names in Connection is a field it sent,
    /// never one of ours (Date, Strict-Transport-Security).
    /// </summary>
    public static void Prepare(HeaderList headers)
    {
        HopByHop.Remove(headers);
        headers.RemoveAliases();
        headers.Remove(KnownHeader.TunnelError);
    }
}

using Tunnel.Framing.Frames;

namespace Tunnel.Agent.Tunnels;

/// <summary>What of a tunnel is the same when its person has said it anew. Lists are compared by what is in them.</summary>
internal static class TunnelComparison
{
    public static bool AreEqual(TunnelOptions one, TunnelOptions other) =>
        one with { Access = other.Access, Guard = other.Guard, Headers = other.Headers, Paths = other.Paths } == other
        && one.Paths.SequenceEqual(other.Paths)
        && AreEqual(one.Headers, other.Headers)
        && AreEqual(one.Access, other.Access)
        && AreEqual(one.Guard, other.Guard, one.Access.Passwords.Count);

    /// <summary>It is asked for under the same name, so the new one can take the place of the old one in one step.</summary>
    public static bool HaveSamePublicName(TunnelOptions one, TunnelOptions other) =>
        (one.Protocol, one.Subdomain, one.Hostname, one.RemotePort) == (other.Protocol, other.Subdomain, other.Hostname, other.RemotePort);

    private static bool AreEqual(HeaderOptions one, HeaderOptions other) =>
        one.RequestSet.SequenceEqual(other.RequestSet) && one.RequestRemove.SequenceEqual(other.RequestRemove)
        && one.AnswerSet.SequenceEqual(other.AnswerSet) && one.AnswerRemove.SequenceEqual(other.AnswerRemove);

    private static bool AreEqual(AccessOptions one, AccessOptions other) =>
        one with { Allow = other.Allow, Deny = other.Deny, Passwords = other.Passwords } == other
        && one.Allow.SequenceEqual(other.Allow) && one.Deny.SequenceEqual(other.Deny) && one.Passwords.SequenceEqual(other.Passwords);

    // What is hashed here, the last of the users, has another hash each time; the passwords themselves have been compared.
    private static bool AreEqual(TunnelGuard? one, TunnelGuard? other, int hashedHere) =>
        (one is null && other is null)
        || (one is not null && other is not null
            && AreEqual(one.Allow, other.Allow) && AreEqual(one.Deny, other.Deny) && one.ForwardAuth == other.ForwardAuth
            && (one.Users ?? []).SkipLast(hashedHere).SequenceEqual((other.Users ?? []).SkipLast(hashedHere)));

    private static bool AreEqual(IReadOnlyList<string>? one, IReadOnlyList<string>? other) => (one ?? []).SequenceEqual(other ?? []);
}

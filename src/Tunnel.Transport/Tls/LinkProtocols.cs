using System.Net.Security;

namespace Tunnel.Transport.Tls;

/// <summary>
/// The names by which an agent's link is told from visitors in ALPN, and by which the agent says how it will judge the
/// server (docs/protocol.md, section 1).
/// </summary>
public static class LinkProtocols
{
    /// <summary>Show me the server's own key: I have its pin.</summary>
    public const string Pinned = "tunnel/1";

    /// <summary>Show me the certificate for the name I ask for: I trust authorities.</summary>
    public const string Certified = "tunnel-ca/1";

    /// <summary>Whether a client that offers these is an agent.</summary>
    public static bool IsAgent(IReadOnlyList<string> offered) => offered.Contains(Pinned) || offered.Contains(Certified);

    public static SslApplicationProtocol Of(string name) => new(name);
}

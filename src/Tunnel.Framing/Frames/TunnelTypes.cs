namespace Tunnel.Framing.Frames;

/// <summary>What a tunnel carries, as BIND names it (docs/protocol.md, section 6).</summary>
public static class TunnelTypes
{
    /// <summary>HTTP, read and rewritten by the server; streams of type http.</summary>
    public const string Http = "http";

    /// <summary>TLS that the server routes by SNI and does not decrypt; raw streams.</summary>
    public const string Tls = "tls";

    /// <summary>Whatever comes in on a public port of its own; raw streams.</summary>
    public const string Tcp = "tcp";
}

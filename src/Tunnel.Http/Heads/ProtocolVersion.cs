namespace Tunnel.Http.Heads;

/// <summary>The two versions this implementation reads (RFC 9112 section 2.3); it writes 1.1 only.</summary>
public enum ProtocolVersion
{
    Http10,
    Http11,
}

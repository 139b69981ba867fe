namespace Tunnel.Transport.Tls;

/// <summary>What a ClientHello says that a server may route by. ECH is not looked into: the outer name counts.</summary>
/// <param name="ServerName">The name asked for (RFC 6066 section 3), lower case, without a final dot; null: none, or an address.</param>
/// <param name="Protocols">What ALPN offers (RFC 7301), in the client's order; bytes that are not ASCII show as question marks.</param>
/// <param name="OffersTls13">TLS 1.3 is among the versions offered (RFC 8446 section 4.2.1).</param>
/// <param name="TakesEcdsa">ECDSA is among the signatures that the client can check (RFC 8446 section 4.2.3).</param>
public sealed record ClientHello(string? ServerName, IReadOnlyList<string> Protocols, bool OffersTls13 = false, bool TakesEcdsa = false);

/// <summary>What became of an attempt to read a ClientHello.</summary>
public enum ClientHelloOutcome
{
    NeedMore,
    Complete,

    /// <summary>The first bytes are no TLS record.</summary>
    NotTls,

    /// <summary>TLS, but not a ClientHello that can be read in one way.</summary>
    Malformed,

    /// <summary>More bytes or records than any honest client sends.</summary>
    TooLarge,
}

using System.Net;

namespace Tunnel.Transport.ProxyProtocol;

/// <summary>Who is behind a proxy, as a PROXY protocol header says it.</summary>
/// <param name="Source">The client of the proxy; null: the proxy speaks for itself (a health check), or does not know.</param>
/// <param name="Destination">Where that client connected to.</param>
public readonly record struct ProxyHeader(IPEndPoint? Source, IPEndPoint? Destination);

/// <summary>What became of an attempt to read a header.</summary>
public enum ProxyHeaderOutcome
{
    NeedMore,
    Complete,

    /// <summary>No header, or not one that can be read in one way.</summary>
    Rejected,
}

using System.Net;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Server.Certificates;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Identity;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server.Edge;

/// <summary>
/// What is spoken on each kind of port, as layers: perhaps a PROXY header, perhaps TLS, then HTTP or raw bytes. Each layer
/// takes a connection and the facts about it, and hands both on.
/// </summary>
internal sealed class PortProtocols(EdgeServices services, CertificateStore certificates)
{
    private readonly RareLine _rareMissing = new(services.Time);
    private readonly RareLine _rareRefused = new(services.Time);

    public IVisitor Http(SocketConnection link) => Behind(link, connection => new VisitorConnection(services, connection, VisitorScheme.Http));

    public IVisitor Https(SocketConnection link) => Behind(link, connection => new TlsVisitor(services, certificates, connection));

    /// <param name="port">Its tunnel's, which bears the port as its name.</param>
    public IVisitor Tcp(SocketConnection link, int port) => Behind(link, connection =>
        new RawVisitor(services, connection, TunnelTypes.Tcp, TcpName.Of(port))
        {
            OnProxyHeader = services.Options.Front.AcceptsProxyProtocol && connection == link ? () => Refused(link) : null,
        });

    // With --accept-proxy-protocol a header is a must from a trusted proxy. From anybody else it is refused: it is no TLS and
    // no HTTP, and raw bytes are looked at.
    private IVisitor Behind(SocketConnection link, Func<IConnection, IVisitor> open) =>
        services.Options.Front.AcceptsProxyProtocol && services.Options.Front.TrustedProxies.Contains(link.RemoteEndPoint.Address)
            ? new ProxiedVisitor(services, link, _rareMissing, open)
            : open(link);

    private void Refused(SocketConnection link)
    {
        if (_rareRefused.IsDue())
        {
            IPEndPoint sender = link.RemoteEndPoint;
            ServerLog.ProxyHeaderRefused(services.Log, sender.ToString());
        }

        link.Abort();
    }
}

using System.Buffers;
using System.Net.Security;
using System.Net.Sockets;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;
using Tunnel.Transport.Tls;

namespace Tunnel.Agent.Link;

/// <summary>
/// Opens links to the server: directly or through a proxy, encrypted unless the server is this machine or plaintext was
/// asked for. Safe from any thread.
/// </summary>
internal sealed class LinkDialer
{
    private readonly LinkOptions _options;
    private readonly MemoryPool<byte> _pool;
    private readonly TimeProvider _time;
    private readonly Dialer _dialer;
    private readonly ServerTrust? _trust;

    public LinkDialer(LinkOptions options, MemoryPool<byte> pool, TimeProvider time)
    {
        _options = options;
        _pool = pool;
        _time = time;
        _dialer = new Dialer(time);
        _trust = TrustOf(options);
    }

    private string Server => _options.Server;

    /// <summary>A link ready for HELLO, which the caller owns.</summary>
    /// <exception cref="LinkFaultException">It did not work; the message says why, and what to do where that is known.</exception>
    /// <exception cref="DialException">The server cannot be reached.</exception>
    /// <exception cref="IOException">The connection broke on the way.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled, or it took too long.</exception>
    public async Task<IConnection> DialAsync(CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(_options.ConnectTime, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        return await SecureAsync(await ReachAsync(both.Token), both.Token);
    }

    /// <summary>The way to the server, through the proxy if there is one, with nothing said on it; the first half of <see cref="DialAsync(CancellationToken)"/>.</summary>
    public Task<IConnection> ReachAsync(CancellationToken cancel) =>
        _options.Proxy is { } proxy ? DialThroughAsync(proxy, cancel) : DialAsync(_options.Host, _options.Port, cancel);

    /// <summary>The second half: TLS, where it is due.</summary>
    /// <param name="link">Taken over; ended when this throws.</param>
    public async Task<IConnection> SecureAsync(IConnection link, CancellationToken cancel)
    {
        try
        {
            return MustEncrypt(link) ? await EncryptAsync(link, cancel) : link;
        }
        catch
        {
            link.Abort();
            await link.DisposeAsync();
            throw;
        }
    }

    private async Task<IConnection> DialAsync(string host, int port, CancellationToken cancel)
    {
        Socket socket = await _dialer.DialAsync(host, port, _options.ConnectTime, cancel);
        return new SocketConnection(socket, _pool, SocketConnectionOptions.Link);
    }

    private async Task<IConnection> DialThroughAsync(HttpProxy proxy, CancellationToken cancel)
    {
        IConnection link = await DialProxyAsync(proxy, cancel);
        try
        {
            if (proxy.IsEncrypted)
            {
                // Judged by the authorities of the system, and offered no protocol: ours is not for the proxy.
                link = await TlsConnection.ConnectAsync(link, _pool, new SslClientAuthenticationOptions { TargetHost = proxy.Host }, cancel);
            }

            await proxy.ConnectAsync(link, Server, _pool, cancel);
            return link;
        }
        catch (TlsHandshakeException error)
        {
            link.Abort();
            await link.DisposeAsync();
            throw new LinkFaultException(
                AgentErrors.ProxyInvalid, $"The encrypted connection to the proxy {proxy} did not come about: {Printable.Of(error.Message)} {Remedy(error.Failure)}", error.InnerException);
        }
        catch
        {
            link.Abort();
            await link.DisposeAsync();
            throw;
        }
    }

    private async Task<IConnection> DialProxyAsync(HttpProxy proxy, CancellationToken cancel)
    {
        try
        {
            return await DialAsync(proxy.Host, proxy.Port, cancel);
        }
        catch (DialException error)
        {
            throw new LinkFaultException(AgentErrors.ProxyUnreachable, $"The proxy in HTTPS_PROXY cannot be reached: {error.Message} NO_PROXY names servers that need none.", error);
        }
    }

    private static string Remedy(TlsHandshakeFailure failure) => failure == TlsHandshakeFailure.Untrusted
        ? "Add the proxy's authority to those of this system; on Linux SSL_CERT_FILE may name a PEM file of it."
        : "If the proxy itself speaks no TLS, HTTPS_PROXY takes http:// in front of its name.";

    // Who gave a token or an authority wants the server proved, on this machine as well: it may be a port forward's end.
    private bool MustEncrypt(IConnection link) =>
        !_options.Plaintext
        && (_trust is not null || _options.Proxy is not null || !LoopbackRule.IsLocal(link.LocalEndPoint, link.RemoteEndPoint));

    private async Task<IConnection> EncryptAsync(IConnection link, CancellationToken cancel)
    {
        var judge = new PinJudge();
        try
        {
            return await TlsConnection.ConnectAsync(link, _pool, (_trust ?? ServerTrust.System).Options(_options.Host, judge), cancel);
        }
        catch (TlsHandshakeException error) when (judge.HasRefused)
        {
            throw new LinkFaultException(
                AgentErrors.ServerKeyDiffers,
                $"{Server} shows another key than the token says. Either somebody is in between, or the server's key was replaced; in that case make a new token there.",
                error);
        }
        catch (TlsHandshakeException error) when (error.Failure == TlsHandshakeFailure.Untrusted)
        {
            throw new LinkFaultException(
                AgentErrors.ServerNotTrusted, $"{Printable.Of(error.Message)} Log in with a token of that server ('tunnel-server token create' prints it there, 'tunnel-agent login' stores it here), or name its authority with --ca.", error);
        }
        catch (TlsHandshakeException error)
        {
            throw new LinkFaultException(
                AgentErrors.ServerTlsFailed, $"The encrypted connection to {Server} did not come about: {Printable.Of(error.Message)} {DialAdvice.AgentPort}", error);
        }
    }

    private static ServerTrust? TrustOf(LinkOptions options) => options switch
    {
        { CaFile: { } path } => ServerTrust.OfFile(path),
        { Token.Pin: { } pin } => ServerTrust.Pinned(pin),
        { Token: not null } => ServerTrust.System,
        _ => null,
    };
}

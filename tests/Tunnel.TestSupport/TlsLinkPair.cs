using System.Buffers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Tunnel.Transport.Tls;

namespace Tunnel.TestSupport;

/// <summary>Two ends of one TLS connection over loopback, and the plain ends below. Disposing disposes both.</summary>
public sealed class TlsLinkPair : IAsyncDisposable
{
    private static readonly Lazy<(TestAuthority Authority, X509Certificate2 Certificate)> Shared = new(() =>
    {
        var authority = new TestAuthority();
        return (authority, authority.Issue("test.tunnel"));
    });

    private TlsLinkPair(TlsConnection client, TlsConnection server, TcpLinkPair below)
    {
        A = client;
        B = server;
        Below = below;
    }

    /// <summary>The client's end.</summary>
    public TlsConnection A { get; }

    /// <summary>The server's end.</summary>
    public TlsConnection B { get; }

    /// <summary>What carries the records; A is the client's.</summary>
    public TcpLinkPair Below { get; }

    /// <param name="version">None: the best both sides have.</param>
    public static async Task<TlsLinkPair> CreateAsync(MemoryPool<byte>? pool = null, SslProtocols version = SslProtocols.None)
    {
        pool ??= MemoryPool<byte>.Shared;
        TcpLinkPair below = await TcpLinkPair.CreateAsync(pool);
        SslClientAuthenticationOptions client = Shared.Value.Authority.ClientOptions("test.tunnel");
        client.EnabledSslProtocols = version;
        Task<TlsConnection> accepting = TlsConnection.AcceptAsync(below.B, pool, ServerOptions(), CancellationToken.None);
        TlsConnection a = await TlsConnection.ConnectAsync(below.A, pool, client, CancellationToken.None).Within();
        return new TlsLinkPair(a, await accepting.Within(), below);
    }

    /// <summary>A server's options with the certificate of this pair.</summary>
    public static SslServerAuthenticationOptions ServerOptions() => new() { ServerCertificate = Shared.Value.Certificate };

    public async ValueTask DisposeAsync()
    {
        await A.DisposeAsync().Within();
        await B.DisposeAsync().Within();
    }
}

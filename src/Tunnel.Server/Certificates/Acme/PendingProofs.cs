using System.Collections.Concurrent;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Tunnel.Hosting.Acme;

namespace Tunnel.Server.Certificates.Acme;

/// <summary>
/// What this server answers to a CA, while one of its own orders waits for it. Whatever else asks in the same way is a visitor like
/// any other, and goes where its name leads: somebody behind a tunnel gets his certificates the same way. Safe from any thread.
/// </summary>
internal sealed class PendingProofs(TimeProvider time)
{
    /// <summary>RFC 8555 section 8.3.</summary>
    private static ReadOnlySpan<byte> Path => "/.well-known/acme-challenge/"u8;

    private readonly ConcurrentDictionary<(string Name, string Token), byte[]> _http = new();
    private readonly ConcurrentDictionary<string, SslServerAuthenticationOptions> _tls = new(StringComparer.Ordinal);

    /// <summary>On a port for HTTP.</summary>
    public IChallengeSolver OverHttp => new HttpSolver(this);

    /// <summary>In the handshake on the HTTPS port.</summary>
    public IChallengeSolver OverTls => new TlsSolver(this, time);

    /// <summary>What a CA is answered that asks for this; null: nobody of ours waits for it.</summary>
    /// <param name="host">Lower case, without port.</param>
    public byte[]? FindHttp(ReadOnlySpan<byte> host, ReadOnlySpan<byte> target)
    {
        if (_http.IsEmpty || !target.StartsWith(Path))
        {
            return null;
        }

        string token = Encoding.Latin1.GetString(target[Path.Length..]);
        return AcmeChallenge.IsToken(token) ? _http.GetValueOrDefault((Encoding.Latin1.GetString(host), token)) : null;
    }

    /// <summary>With what the handshake of a CA is answered; null: nobody of ours waits for it.</summary>
    /// <param name="name">Asked for by SNI, lower case.</param>
    /// <param name="protocols">Offered in ALPN: a CA offers nothing else (RFC 8737 section 3).</param>
    public SslServerAuthenticationOptions? FindTls(string? name, IReadOnlyList<string> protocols) =>
        name is not null && protocols is [TlsAlpnProof.Protocol] ? _tls.GetValueOrDefault(name) : null;

    private sealed class HttpSolver(PendingProofs proofs) : IChallengeSolver
    {
        public string Type => "http-01";

        public ValueTask<IAsyncDisposable> PresentAsync(string name, string token, string authorization, CancellationToken cancel)
        {
            proofs._http[(name, token)] = Encoding.ASCII.GetBytes(authorization);
            return new(new Presented(() => proofs._http.TryRemove((name, token), out _)));
        }
    }

    private sealed class TlsSolver(PendingProofs proofs, TimeProvider time) : IChallengeSolver
    {
        public string Type => "tls-alpn-01";

        public ValueTask<IAsyncDisposable> PresentAsync(string name, string token, string authorization, CancellationToken cancel)
        {
            X509Certificate2 certificate = TlsAlpnProof.CertificateFor(name, authorization, time.GetUtcNow());
            proofs._tls[name] = new SslServerAuthenticationOptions
            {
                ServerCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
#pragma warning disable CA5398 // What the CA speaks is unknown; older ones are not offered.
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
#pragma warning restore CA5398
                ApplicationProtocols = [new SslApplicationProtocol(TlsAlpnProof.Protocol)],
                AllowRenegotiation = false,
            };
            return new(new Presented(() => proofs._tls.TryRemove(name, out _)));
        }
    }

    private sealed class Presented(Action withdraw) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            withdraw();
            return ValueTask.CompletedTask;
        }
    }
}

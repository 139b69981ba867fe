using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Encrypted;

/// <summary>A visitor that speaks TLS, by the platform's own client.</summary>
public sealed class SecureVisitor : IDisposable
{
    private readonly SslStream _stream;

    private SecureVisitor(SslStream stream, int handshakeBytes)
    {
        _stream = stream;
        HandshakeBytes = handshakeBytes;
    }

    public SslStream Stream => _stream;

    /// <summary>Bytes that the server sent for its part of the handshake.</summary>
    public int HandshakeBytes { get; }

    public X509Certificate2 Certificate => (X509Certificate2)_stream.RemoteCertificate!;

    /// <param name="name">Sent as SNI and checked against the certificate.</param>
    /// <exception cref="AuthenticationException">The handshake failed.</exception>
    public static Task<SecureVisitor> ConnectAsync(int port, TestAuthority authority, string name, Action<SslClientAuthenticationOptions>? change = null) =>
        ConnectAsync(port, authority.ClientOptions(name), change);

    /// <param name="roots">The only ones that are trusted.</param>
    /// <inheritdoc cref="ConnectAsync(int, TestAuthority, string, Action{SslClientAuthenticationOptions}?)"/>
    public static Task<SecureVisitor> ConnectAsync(int port, X509Certificate2Collection roots, string name)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        return ConnectAsync(port, new SslClientAuthenticationOptions { TargetHost = name, CertificateChainPolicy = policy });
    }

    private static async Task<SecureVisitor> ConnectAsync(int port, SslClientAuthenticationOptions options, Action<SslClientAuthenticationOptions>? change = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port).Within();
        var below = new CountingStream(socket);
        var stream = new SslStream(below);
        change?.Invoke(options);
        try
        {
            await stream.AuthenticateAsClientAsync(options).Within();
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }

        return new SecureVisitor(stream, below.Received);
    }

    public async Task<string> AskAsync(string request)
    {
        await _stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        return await ReadAnswerAsync();
    }

    /// <summary>Head and body of one answer with a Content-Length.</summary>
    public async Task<string> ReadAnswerAsync()
    {
        var text = new StringBuilder();
        byte[] buffer = new byte[4096];
        while (true)
        {
            string all = text.ToString();
            int end = all.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end >= 0 && all.Length >= end + 4 + int.Parse(all[..end].Field("Content-Length") ?? "0"))
            {
                return all;
            }

            int bytes = await _stream.ReadAsync(buffer).Within();
            if (bytes == 0)
            {
                throw new EndOfStreamException($"The answer broke off: {all}");
            }

            text.Append(Encoding.Latin1.GetString(buffer, 0, bytes));
        }
    }

    public async Task<byte[]> ReadToEndAsync()
    {
        using var all = new MemoryStream();
        await _stream.CopyToAsync(all).Within();
        return all.ToArray();
    }

    public void Dispose() => _stream.Dispose();

    private sealed class CountingStream(Socket socket) : NetworkStream(socket, ownsSocket: true)
    {
        public int Received { get; private set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int bytes = await base.ReadAsync(buffer, cancellationToken);
            Received += bytes;
            return bytes;
        }
    }
}

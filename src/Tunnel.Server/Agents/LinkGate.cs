using System.Buffers;
using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Tunnel.Server.Certificates;
using Tunnel.Server.Identity;
using Tunnel.Transport;
using Tunnel.Transport.Tls;

namespace Tunnel.Server.Agents;

/// <summary>
/// From a connection at the agent port to a link: the first byte decides whether it is TLS (docs/protocol.md, section 1).
/// </summary>
/// <param name="key">The server's own; null: no TLS.</param>
internal sealed class LinkGate(ServerKey? key, MemoryPool<byte> pool)
{
    private const byte TlsHandshake = 0x16;

    // Made with the first handshake: a server whose agents are local needs none of it. What fails is tried again by the next one.
    private readonly Lazy<SslStreamCertificateContext>? _own = key is null
        ? null
        : new(() => CertificateChain.ContextOf(key.Certificate, []), LazyThreadSafetyMode.PublicationOnly);

    /// <summary>The certificate for a name that an agent who trusts authorities asks for; null: the server's own key.</summary>
    public Func<string?, SslStreamCertificateContext?> FindCertificate { get; init; } = _ => null;

    /// <summary>Takes the TLS handshake if there is one to take. The result owns the connection; when it throws the caller still does.</summary>
    /// <exception cref="TlsHandshakeException">It failed.</exception>
    /// <exception cref="OperationCanceledException">It took too long.</exception>
    public async Task<IConnection> OpenAsync(IConnection connection, CancellationToken cancel)
    {
        ReadResult read = await connection.Input.ReadAsync(cancel);
        bool isTls = !read.Buffer.IsEmpty && read.Buffer.FirstSpan[0] == TlsHandshake;
        connection.Input.AdvanceTo(read.Buffer.Start);
        return isTls && _own is not null ? await EncryptAsync(connection, cancel) : connection;
    }

    /// <summary>The server's side of an agent's handshake, whose ClientHello nobody has answered yet.</summary>
    /// <exception cref="TlsHandshakeException">It failed.</exception>
    /// <exception cref="OperationCanceledException">It took too long.</exception>
    public async Task<IConnection> EncryptAsync(IConnection connection, CancellationToken cancel)
    {
        ClientHello? hello = await PeekAsync(connection.Input, cancel);

        // On its own: the arithmetic of a handshake is not for the loop that accepts or for the thread that polls.
        return await Task.Run(() => TlsConnection.AcceptAsync(connection, pool, OptionsFor(hello), cancel), cancel);
    }

    private SslServerAuthenticationOptions OptionsFor(ClientHello? hello)
    {
        bool wantsCertificate = hello is not null && hello.Protocols.Contains(LinkProtocols.Certified) && !hello.Protocols.Contains(LinkProtocols.Pinned);
        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = (wantsCertificate ? FindCertificate(hello!.ServerName) : null) ?? _own?.Value,
            ApplicationProtocols = [LinkProtocols.Of(LinkProtocols.Pinned), LinkProtocols.Of(LinkProtocols.Certified)],
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,

            // Every link is a handshake of its own: a ticket would only be one more secret.
            AllowTlsResume = false,
        };
    }

    // Null: it is none that can be read; the engine finds the words.
    private static async Task<ClientHello?> PeekAsync(PipeReader input, CancellationToken cancel)
    {
        var reader = new ClientHelloReader();
        while (true)
        {
            ReadResult read = await input.ReadAsync(cancel);
            ClientHelloOutcome outcome = reader.Read(read.Buffer, out ClientHello? hello);
            bool needsMore = outcome == ClientHelloOutcome.NeedMore && !read.IsCompleted;
            input.AdvanceTo(read.Buffer.Start, needsMore ? read.Buffer.End : read.Buffer.Start);
            if (!needsMore)
            {
                return hello;
            }
        }
    }
}

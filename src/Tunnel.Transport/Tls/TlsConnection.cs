using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tls;

/// <summary>
/// TLS over a connection, as a connection of the same kind. Ending our sending is close_notify and then the link's own
/// end; the peer's end counts only if its close_notify came, otherwise reading fails with
/// <see cref="ConnectionBreak.Truncated"/>. Waiting holds no memory but the engine's own.
/// </summary>
/// <remarks>Owns the connection below. The pool stays its owner's.</remarks>
public sealed class TlsConnection : IConnection
{
    private readonly IConnection _link;
    private readonly SslStream _tls;
    private readonly LinkStream _stream;
    private readonly TlsPipeReader _reader;
    private readonly TlsPipeWriter _writer;
    private readonly Lock _lock = new();
    private Task? _disposal;

    private TlsConnection(IConnection link, SslStream tls, LinkStream stream, MemoryPool<byte> pool)
    {
        _link = link;
        _tls = tls;
        _stream = stream;
        stream.Open();
        var fault = new TlsFault();
        _reader = new TlsPipeReader(tls, stream, link.Input, pool, fault);
        _writer = new TlsPipeWriter(tls, stream, link, pool, fault);
    }

    /// <inheritdoc/>
    public PipeReader Input => _reader;

    /// <inheritdoc/>
    public PipeWriter Output => _writer;

    /// <inheritdoc/>
    public IPEndPoint LocalEndPoint => _link.LocalEndPoint;

    /// <inheritdoc/>
    public IPEndPoint RemoteEndPoint => _link.RemoteEndPoint;

    /// <inheritdoc/>
    public long Delivered => _link.Delivered;

    /// <summary>The version spoken.</summary>
    public SslProtocols Version => _tls.SslProtocol;

    /// <summary>What ALPN chose; empty: nothing.</summary>
    public SslApplicationProtocol ApplicationProtocol => _tls.NegotiatedApplicationProtocol;

    /// <summary>The certificate the peer showed and proved; null: none.</summary>
    public X509Certificate? PeerCertificate => _tls.RemoteCertificate;

    /// <summary>The server's side of a handshake.</summary>
    /// <param name="link">Owned by the result; by the caller still when this throws.</param>
    /// <param name="cancel">Also the limit in time. What was received so far is lost then: close the link.</param>
    /// <exception cref="TlsHandshakeException">It failed; the peer has been sent an alert where TLS has one.</exception>
    public static Task<TlsConnection> AcceptAsync(
        IConnection link, MemoryPool<byte> pool, SslServerAuthenticationOptions options, CancellationToken cancel) =>
        ShakeHandsAsync(link, pool, judge: null, tls => tls.AuthenticateAsServerAsync(options, cancel));

    /// <summary>The client's side of a handshake.</summary>
    /// <inheritdoc cref="AcceptAsync"/>
    public static Task<TlsConnection> ConnectAsync(
        IConnection link, MemoryPool<byte> pool, SslClientAuthenticationOptions options, CancellationToken cancel)
    {
        // Who judges for himself has his own words for what is wrong.
        CertificateJudge? judge = options.RemoteCertificateValidationCallback is null
            ? new CertificateJudge(options.TargetHost ?? "the server")
            : null;
        return ShakeHandsAsync(link, pool, judge, tls => tls.AuthenticateAsClientAsync(options, cancel));
    }

    /// <inheritdoc/>
    public void DiscardUnflushed() => _writer.Discard();

    /// <inheritdoc/>
    public void Abort() => _link.Abort();

    /// <summary>
    /// Closes the link and waits until nothing of the connection is in use. Orderly if <see cref="Output"/> was completed
    /// and everything was sent; otherwise the peer sees a reset. Pending calls fail. Blocks go back to the pool, except
    /// those the consumer or the producer holds at this moment.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _disposal ??= CloseAsync();
            return new ValueTask(_disposal);
        }
    }

    private static async Task<TlsConnection> ShakeHandsAsync(
        IConnection link, MemoryPool<byte> pool, CertificateJudge? judge, Func<SslStream, Task> handshake)
    {
        var stream = new LinkStream(link);
        var tls = new SslStream(stream, leaveInnerStreamOpen: true, judge is null ? null : judge.Accept);
        try
        {
            await handshake(tls);
            return new TlsConnection(link, tls, stream, pool);
        }
        catch (Exception error)
        {
            await tls.DisposeAsync();
            await stream.DisposeAsync();
            if (error is IOException or AuthenticationException or InvalidOperationException)
            {
                throw Explain(error, stream, judge?.Fault);
            }

            throw;
        }
    }

    private static TlsHandshakeException Explain(Exception error, LinkStream stream, string? distrust)
    {
        if (distrust is not null)
        {
            return new TlsHandshakeException(TlsHandshakeFailure.Untrusted, distrust, error);
        }

        if (stream.SawNoTls)
        {
            return new TlsHandshakeException(TlsHandshakeFailure.NotTls, "What answers there speaks no TLS.", error);
        }

        if (error is ConnectionBrokenException || stream.SawEnd)
        {
            return new TlsHandshakeException(TlsHandshakeFailure.PeerLeft, "The peer left during the TLS handshake.", error);
        }

        // The message proper is often inside: the outer one only says where to look.
        string message = error.InnerException is { } inner ? $"{error.Message} {inner.Message}" : error.Message;
        return new TlsHandshakeException(TlsHandshakeFailure.Refused, message, error);
    }

    private async Task CloseAsync()
    {
        await _link.DisposeAsync();
        await _reader.CloseAsync();
        await _writer.CloseAsync();
        await _tls.DisposeAsync();
        await _stream.DisposeAsync();
    }
}

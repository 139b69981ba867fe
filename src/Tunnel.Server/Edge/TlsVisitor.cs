using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Server.Certificates;
using Tunnel.Server.Diagnostics;
using Tunnel.Transport;
using Tunnel.Transport.Tls;

namespace Tunnel.Server.Edge;

/// <summary>
/// A visitor of the HTTPS port, from accept to the end of its handshake: reads the ClientHello and, by the name in it, hands
/// the connection to a passthrough tunnel as it is, or terminates TLS and goes on as HTTP (docs/http.md, "HTTPS").
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "The end of RunAsync is the end of it.")]
internal sealed class TlsVisitor : IVisitor, IDeadlineTarget
{
    /// <summary>The names of HTTP in ALPN (RFC 7301 section 6, RFC 9113 section 3.2).</summary>
    private const string Http11 = "http/1.1";
    private const string Http2 = "h2";

    private readonly EdgeServices _services;
    private readonly CertificateStore _certificates;
    private readonly IConnection _link;
    private readonly CancellationTokenSource _limit = new();
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource<IVisitor?> _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IVisitor? _next;
    private int _stops;

    public TlsVisitor(EdgeServices services, CertificateStore certificates, IConnection link)
    {
        _services = services;
        _certificates = certificates;
        _link = link;
    }

    /// <inheritdoc/>
    public async Task RunAsync()
    {
        IVisitor? next = null;
        Deadline deadline = _services.Clock.Add(this);
        deadline.Set(_services.Options.Tls.HandshakeTime);
        try
        {
            if (await ReadHelloAsync() is { } hello)
            {
                next = await ChooseAsync(hello);
            }
        }
        catch (Exception error) when (error is TlsHandshakeException or OperationCanceledException)
        {
            ServerLog.HandshakeFailed(_services.Log, Text, error is TlsHandshakeException ? error.Message : "it took too long.");
        }
        catch (IOException)
        {
            // The visitor left; nobody is left to tell.
        }
        catch (Exception error)
        {
            ServerLog.ConnectionFault(_services.Log, error);
        }
        finally
        {
            deadline.Clear();
            _services.Clock.Remove(deadline);
        }

        await GoOnAsync(next);
        _limit.Dispose();
    }

    /// <inheritdoc/>
    public void Stop()
    {
        IVisitor? next;
        lock (_lock)
        {
            _stops++;
            next = _next;
        }

        next?.Stop();
    }

    /// <inheritdoc/>
    public async Task WhenSettledAsync()
    {
        if (await _begun.Task is { } next)
        {
            await next.WhenSettledAsync();
        }
    }

    /// <inheritdoc/>
    public void Abort()
    {
        // Whoever has the connection now knows what else to give up, and that it was not the visitor's doing.
        Volatile.Read(ref _next)?.Abort();
        _link.Abort();
    }

    // Not here: whoever waits for it must not go on on the clock's thread.
    void IDeadlineTarget.OnDeadline() => _ = _limit.CancelAsync();

    private string Text => _link.RemoteEndPoint.ToString();

    private async Task GoOnAsync(IVisitor? next)
    {
        _begun.TrySetResult(next);
        if (next is null)
        {
            // An alert that has been written is to arrive: our end goes behind it.
            await _link.Output.CompleteAsync();
            await _link.Input.CompleteAsync();
            await _link.DisposeAsync();
            return;
        }

        int stops;
        lock (_lock)
        {
            Volatile.Write(ref _next, next);
            stops = _stops;
        }

        for (int asked = 0; asked < stops; asked++)
        {
            next.Stop();
        }

        await next.RunAsync();
    }

    // Null: there is nothing to serve; whatever had to be said has been said.
    private async ValueTask<ClientHello?> ReadHelloAsync()
    {
        var reader = default(ClientHelloReader);
        while (true)
        {
            ReadResult read = await _link.Input.ReadAsync(_limit.Token);
            ClientHelloOutcome outcome = reader.Read(read.Buffer, out ClientHello? hello);
            if (outcome == ClientHelloOutcome.Complete)
            {
                // Not even examined: whoever reads next finds all of it.
                _link.Input.AdvanceTo(read.Buffer.Start);
                return hello;
            }

            _link.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            switch (outcome)
            {
                case ClientHelloOutcome.NeedMore when !read.IsCompleted:
                    continue;
                case ClientHelloOutcome.NeedMore:
                    return null;
                case ClientHelloOutcome.NotTls:
                    await SayPlainAsync();
                    return null;
                default:
                    ServerLog.HandshakeFailed(_services.Log, Text, $"its ClientHello cannot be read ({outcome}).");
                    await RefuseAsync(outcome == ClientHelloOutcome.TooLarge ? TlsAlert.RecordOverflow : TlsAlert.DecodeError);
                    return null;
            }
        }
    }

    private async ValueTask<IVisitor?> ChooseAsync(ClientHello hello)
    {
        if (_services.TakeAgent is { } take && LinkProtocols.IsAgent(hello.Protocols))
        {
            return new AgentVisitor(_link, take);
        }

        if (_services.Forwarding.Proofs?.FindTls(hello.ServerName, hello.Protocols) is { } proof)
        {
            return new ProofVisitor(await Task.Run(() => TlsConnection.AcceptAsync(_link, _services.Pool, proof, _limit.Token)));
        }

        // A name is one thing: terminated TLS never reaches a passthrough name, nor the other way round. Also while nobody serves
        // it: its visitors are not to be shown another certificate, nor is what they say to be read here.
        ServedCertificate? certificate = _certificates.Find(hello.ServerName, hello.TakesEcdsa);
        if (hello.ServerName is { } name && (certificate is null || _services.Forwarding.IsForTlsOnly(name)))
        {
            return new RawVisitor(_services, _link, TunnelTypes.Tls, name);
        }

        if (certificate is null)
        {
            ServerLog.HandshakeFailed(_services.Log, Text, "it names no server, and there is no default certificate.");
            await RefuseAsync(TlsAlert.UnrecognizedName);
            return null;
        }

        if (hello.Protocols.Count > 0 && !hello.Protocols.Contains(Http11))
        {
            // Told as RFC 7301 section 3.2 has it, before anybody computes.
            ServerLog.HandshakeFailed(_services.Log, Text, "it does not offer to speak HTTP/1.1.");
            if (hello.Protocols.Contains(Http2))
            {
                _services.Http2.Note(Text);
            }

            await RefuseAsync(TlsAlert.NoApplicationProtocol);
            return null;
        }

        // Elsewhere: the arithmetic of a handshake would keep the requests of everybody else on this thread waiting.
        TlsConnection secure = await Task.Run(
            () => TlsConnection.AcceptAsync(_link, _services.Pool, certificate.HandshakeFor(hello.OffersTls13), _limit.Token));
        return new VisitorConnection(
            _services, secure, VisitorScheme.Https, hello.ServerName is null ? null : Encoding.ASCII.GetBytes(hello.ServerName));
    }

    private async ValueTask RefuseAsync(TlsAlert alert)
    {
        _link.Output.WriteAlert(alert);
        await _link.Output.FlushAsync(_limit.Token);
        await _services.Parting.EndAsync(_link);
    }

    // Most who get here have typed http:// with the port of https.
    private async ValueTask SayPlainAsync()
    {
        ServerLog.HandshakeFailed(_services.Log, Text, "what it sent is not TLS.");
        BuffersExtensions.Write(_link.Output, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 54\r\nTunnel-Error: request-rejected\r\nConnection: close\r\n\r\nThis port speaks HTTPS. Use https:// in the address.\r\n"u8);
        await _link.Output.FlushAsync(_limit.Token);
        await _services.Parting.EndAsync(_link);
    }
}

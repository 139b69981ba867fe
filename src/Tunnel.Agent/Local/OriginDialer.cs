using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Tunnel.Framing.Frames;
using Tunnel.Hosting.Files;
using Tunnel.Transport;
using Tunnel.Transport.ProxyProtocol;
using Tunnel.Transport.Sockets;
using Tunnel.Transport.Tls;

namespace Tunnel.Agent.Local;

/// <summary>
/// Connects to the origin, wherever it is and whatever has to be said before the first byte of a visitor: over TCP or a Unix
/// socket, perhaps with a PROXY header, perhaps through TLS.
/// </summary>
internal sealed class OriginDialer
{
    private readonly OriginOptions _options;
    private readonly OriginMemory _memory;
    private readonly TimeProvider _time;
    private readonly Dialer _dialer;
    private readonly DescriptorReserve _reserve = DescriptorReserve.OfThisProcess();
    private readonly SslClientAuthenticationOptions? _tls;

    /// <param name="protocol">Of the tunnel, one of <see cref="TunnelTypes"/>.</param>
    /// <exception cref="ArgumentException">The file of <c>--local-ca</c> cannot be used.</exception>
    public OriginDialer(OriginOptions options, string protocol, OriginMemory memory, TimeProvider time)
    {
        _options = options;
        _memory = memory;
        _time = time;
        _dialer = new Dialer(time);
        _tls = options.IsHttps ? TlsOf(options, protocol) : null;
    }

    /// <param name="visitor">Whom a PROXY header names; the header says nobody for an address that is not known.</param>
    /// <exception cref="DialException">The origin cannot be reached.</exception>
    /// <exception cref="OriginFaultException">It can, but TLS did not come about; the message says why and what to do.</exception>
    /// <exception cref="OperationCanceledException">It is not wanted any more.</exception>
    public async ValueTask<(SocketConnection Plain, IConnection Connection)> DialAsync(VisitorAddress visitor, CancellationToken cancel)
    {
        Socket socket = await OpenAsync(cancel);
        var plain = new SocketConnection(socket, _memory.Pool, _memory.Sockets);
        try
        {
            if (_options.SendsProxyProtocol)
            {
                IPEndPoint? source = visitor.ToIPAddress() is { } address ? new IPEndPoint(address, visitor.Port) : null;
                ProxyHeaderWriter.Write(plain.Output, source, plain.RemoteEndPoint);
                await plain.Output.FlushAsync(cancel);
            }

            return (plain, _tls is null ? plain : await SecureAsync(plain, _tls, cancel));
        }
        catch (ConnectionBrokenException error)
        {
            await CloseAsync(plain);
            throw new OriginFaultException(ResetCode.OriginRefused, $"It closed the connection at once. {error.Message}");
        }
        catch
        {
            await CloseAsync(plain);
            throw;
        }
    }

    private async Task<Socket> OpenAsync(CancellationToken cancel)
    {
        try
        {
            Socket socket = _options.Socket is { } path
                ? await UnixDialer.DialAsync(path, _options.ConnectTime, _time, cancel)
                : await _dialer.DialAsync(_options.Host, _options.Port, _options.ConnectTime, cancel);
            if (!_reserve.IsTouchedBy(socket))
            {
                return socket;
            }

            // The link and the runtime itself need the last ones: without them the process ends.
            socket.Dispose();
            throw new OriginFaultException(ResetCode.TooBusy, DescriptorReserve.UsedUp);
        }
        catch (DialException error) when (error.Failure == DialFailure.OutOfDescriptors)
        {
            // The agent's own trouble, of which the origin knows nothing.
            throw new OriginFaultException(ResetCode.TooBusy, error.Message);
        }
    }

    private async Task<TlsConnection> SecureAsync(SocketConnection plain, SslClientAuthenticationOptions tls, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(_options.ConnectTime, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            return await TlsConnection.ConnectAsync(plain, _memory.Pool, tls, either.Token);
        }
        catch (TlsHandshakeException error) when (error.Failure == TlsHandshakeFailure.Untrusted)
        {
            throw new OriginFaultException(
                ResetCode.OriginTlsFailed,
                $"{Hosting.Printable.Of(error.Message)} Name its authority with --local-ca FILE, or take whatever it shows with --local-insecure.");
        }
        catch (TlsHandshakeException error)
        {
            throw new OriginFaultException(
                ResetCode.OriginTlsFailed, $"TLS with it failed: {Hosting.Printable.Of(error.Message)} If it speaks plain HTTP, leave --local-https out.");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new OriginFaultException(ResetCode.OriginTlsFailed, "TLS with it took too long. If it does not speak TLS, leave --local-https out.");
        }
    }

    private static async Task CloseAsync(SocketConnection plain)
    {
        plain.Abort();
        await plain.Input.CompleteAsync();
        await plain.DisposeAsync();
    }

    private static SslClientAuthenticationOptions TlsOf(OriginOptions options, string protocol)
    {
        var tls = new SslClientAuthenticationOptions
        {
            TargetHost = options.Host,
            ApplicationProtocols = protocol == TunnelTypes.Http ? [SslApplicationProtocol.Http11] : null,
        };
        if (options.IsUnchecked)
        {
#pragma warning disable CA5359 // Asked for by the person who runs the agent, who is told what that means.
            tls.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        else if (options.CaFile is { } file)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(Authorities.In(file, "--local-ca"));
        }

        return tls;
    }
}

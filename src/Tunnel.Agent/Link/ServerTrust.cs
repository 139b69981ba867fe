using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tunnel.Hosting.Files;
using Tunnel.Transport.Tls;

namespace Tunnel.Agent.Link;

/// <summary>How the agent knows that the server is the one it means: by the pin of its key, or by authorities. Immutable.</summary>
internal sealed class ServerTrust
{
    private readonly byte[]? _pin;
    private readonly X509Certificate2Collection? _authorities;

    private ServerTrust(byte[]? pin, X509Certificate2Collection? authorities)
    {
        _pin = pin;
        _authorities = authorities;
    }

    /// <summary>The authorities of the system.</summary>
    public static ServerTrust System { get; } = new(null, null);

    /// <param name="pin">SHA-256 over the SubjectPublicKeyInfo of the server's key.</param>
    public static ServerTrust Pinned(byte[] pin) => new(pin, null);

    /// <summary>The authorities in a PEM file, and no others.</summary>
    /// <exception cref="ArgumentException">It cannot be read, or there are none in it.</exception>
    public static ServerTrust OfFile(string path) => new(null, Authorities.In(path, "--ca"));

    /// <summary>For one handshake.</summary>
    /// <param name="host">As dialled.</param>
    /// <param name="judge">Hears why a key was refused.</param>
    public SslClientAuthenticationOptions Options(string host, PinJudge judge)
    {
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = host,
            ApplicationProtocols = [LinkProtocols.Of(_pin is null ? LinkProtocols.Certified : LinkProtocols.Pinned)],
        };
        if (_pin is not null)
        {
            options.RemoteCertificateValidationCallback = (_, certificate, _, _) => judge.Accept(certificate, _pin);
        }
        else if (_authorities is not null)
        {
            options.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            options.CertificateChainPolicy.CustomTrustStore.AddRange(_authorities);
        }

        return options;
    }
}

/// <summary>Compares one server's key with a pin.</summary>
internal sealed class PinJudge
{
    /// <summary>The server showed another key.</summary>
    public bool HasRefused { get; private set; }

    public bool Accept(X509Certificate? certificate, byte[] pin)
    {
        bool isRight = certificate is X509Certificate2 shown
            && CryptographicOperations.FixedTimeEquals(SHA256.HashData(shown.PublicKey.ExportSubjectPublicKeyInfo()), pin);
        HasRefused = !isRight;
        return isRight;
    }
}

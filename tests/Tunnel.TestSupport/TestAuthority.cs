using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Tunnel.TestSupport;

/// <summary>A certificate authority that nobody trusts but those who are told to: issues certificates for tests.</summary>
public sealed class TestAuthority : IDisposable
{
    private static readonly TimeSpan Margin = TimeSpan.FromDays(1);

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private int _serial;

    public TestAuthority(string name = "Tunnel test authority")
    {
        var request = new CertificateRequest($"CN={name}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        Certificate = request.CreateSelfSigned(Now - (30 * Margin), Now + (3650 * Margin));
    }

    /// <summary>The authority's own certificate.</summary>
    public X509Certificate2 Certificate { get; }

    public string Pem => Certificate.ExportCertificatePem();

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    /// <summary>A certificate with its key, for names and addresses, valid from yesterday on.</summary>
    public X509Certificate2 Issue(params string[] names) => Issue(Now + (90 * Margin), names);

    /// <param name="notAfter">May be past: then it is expired.</param>
    public X509Certificate2 Issue(DateTimeOffset notAfter, params string[] names)
    {
        using RSA key = RSA.Create(2048);
        using X509Certificate2 bare = Sign(new CertificateRequest($"CN={names[0]}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), notAfter, names);
        using X509Certificate2 whole = bare.CopyWithPrivateKey(key);
        return Kept(whole);
    }

    /// <summary>The same with a key on the curve P-256.</summary>
    public X509Certificate2 IssueOnCurve(DateTimeOffset notAfter, params string[] names)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 bare = Sign(new CertificateRequest($"CN={names[0]}", key, HashAlgorithmName.SHA256), notAfter, names);
        using X509Certificate2 whole = bare.CopyWithPrivateKey(key);
        return Kept(whole);
    }

    private X509Certificate2 Sign(CertificateRequest request, DateTimeOffset notAfter, string[] names)
    {
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (string name in names)
        {
            if (IPAddress.TryParse(name, out IPAddress? address))
            {
                alternatives.AddIpAddress(address);
            }
            else
            {
                alternatives.AddDnsName(name);
            }
        }

        request.CertificateExtensions.Add(alternatives.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            [new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        byte[] serial = BitConverter.GetBytes(Interlocked.Increment(ref _serial) + 0x0100_0000);
        return request.Create(
            Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), notAfter - (91 * Margin), notAfter, serial);
    }

    // Windows cannot use a key that exists in memory only.
    private static X509Certificate2 Kept(X509Certificate2 whole) =>
        X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pfx), null, X509KeyStorageFlags.Exportable);

    /// <summary>What a client needs to trust this authority and nobody else.</summary>
    public SslClientAuthenticationOptions ClientOptions(string host) => new()
    {
        TargetHost = host,
        CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { Certificate },
            RevocationMode = X509RevocationMode.NoCheck,
        },
    };

    public void Dispose()
    {
        Certificate.Dispose();
        _key.Dispose();
    }
}

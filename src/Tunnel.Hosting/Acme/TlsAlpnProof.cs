using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Tunnel.Hosting.Acme;

/// <summary>The certificate that answers TLS-ALPN-01 (RFC 8737 section 3): for one name, signed by itself, with the digest of what the CA wants to see.</summary>
public static class TlsAlpnProof
{
    /// <summary>The only protocol that the CA offers in ALPN.</summary>
    public const string Protocol = "acme-tls/1";

    private const string AcmeIdentifier = "1.3.6.1.5.5.7.1.31";

    /// <param name="authorization">RFC 8555 section 8.1.</param>
    /// <returns>With its key.</returns>
    public static X509Certificate2 CertificateFor(string name, string authorization, DateTimeOffset now)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=ACME proof", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());

        // An OCTET STRING (DER) in the extension's own.
        byte[] digest = SHA256.HashData(Encoding.ASCII.GetBytes(authorization));
        request.CertificateExtensions.Add(new X509Extension(AcmeIdentifier, [0x04, (byte)digest.Length, .. digest], critical: true));
        X509Certificate2 made = request.CreateSelfSigned(now - TimeSpan.FromDays(1), now + TimeSpan.FromDays(7));
        if (!OperatingSystem.IsWindows())
        {
            return made;
        }

        // It cannot serve with a key that exists in memory only.
        using (made)
        {
            return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
        }
    }
}

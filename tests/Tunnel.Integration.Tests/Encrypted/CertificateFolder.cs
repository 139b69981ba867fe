using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Encrypted;

/// <summary>Certificates of a test authority as files in a folder of their own.</summary>
public sealed class CertificateFolder : IDisposable
{
    public TestAuthority Authority { get; } = new();

    public string Folder { get; } = Directory.CreateTempSubdirectory("tunnel-certificates-").FullName;

    /// <summary>Issues a certificate and writes it as <c>NAME.pem</c> and <c>NAME.key</c>; returns both paths.</summary>
    public (string Cert, string Key) Write(string file, params string[] names)
    {
        using X509Certificate2 certificate = Authority.Issue(names);
        return Write(file, certificate);
    }

    public (string Cert, string Key) Write(string file, X509Certificate2 certificate)
    {
        (string cert, string key) = (Path.Combine(Folder, file + ".pem"), Path.Combine(Folder, file + ".key"));
        File.WriteAllText(cert, certificate.ExportCertificatePem());
        File.WriteAllText(key, ((AsymmetricAlgorithm?)certificate.GetRSAPrivateKey() ?? certificate.GetECDsaPrivateKey())!.ExportPkcs8PrivateKeyPem());
        return (cert, key);
    }

    /// <summary>The authority's own certificate, for whoever is to trust it; returns its path.</summary>
    public string WriteAuthority()
    {
        string path = Path.Combine(Folder, "authority.pem");
        File.WriteAllText(path, Authority.Pem);
        return path;
    }

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        Authority.Dispose();
    }
}

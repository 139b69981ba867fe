using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Tunnel.Hosting.Files;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Server.Identity;

/// <summary>
/// The server's own key, by which agents know it: made once, kept for ever. Tokens carry its pin. It is apart from the
/// certificates visitors see, because those are renewed with new keys every few weeks, and no agent may notice.
/// </summary>
internal sealed class ServerKey : IDisposable
{
    public const string FileName = "server-key.pem";
    private const int MostBytes = 64 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private ServerKey(X509Certificate2 certificate)
    {
        Certificate = certificate;
        Pin = SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo());
    }

    /// <summary>Key and a certificate that says nothing but the key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>SHA-256 over the SubjectPublicKeyInfo.</summary>
    public byte[] Pin { get; }

    /// <summary>The key of this folder; makes one if there is none.</summary>
    /// <param name="folder">Exists.</param>
    /// <exception cref="IOException">It cannot be read or written, or the file is no key.</exception>
    /// <exception cref="UnauthorizedAccessException">It belongs to somebody else.</exception>
    public static async Task<ServerKey> OpenAsync(string folder, TimeProvider time)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            // Only who makes it needs the lock, and a disk that takes it: a folder may be full, or read-only.
            using FolderLock held = await FolderLock.TakeAsync(folder, Patience, time);
            if (!File.Exists(path))
            {
                OwnerOnlyFile.Write(path, Encoding.ASCII.GetBytes(Make()));
            }
        }

        string pem = OutsideFile.ReadText(path, MostBytes);
        try
        {
            using X509Certificate2 read = X509Certificate2.CreateFromPem(pem, pem);

            // Windows cannot use a key that is in memory only.
            return new ServerKey(X509CertificateLoader.LoadPkcs12(read.Export(X509ContentType.Pkcs12), null));
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            throw new IOException($"{path} is not a key of this program: {error.Message}", error);
        }
    }

    public void Dispose() => Certificate.Dispose();

    private static string Make()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=tunnel-server", key, HashAlgorithmName.SHA256);

        // Agents compare the key; a date would only be one more thing to fail. 9999-12-31 is RFC 5280's "no end".
        using X509Certificate2 certificate = request.CreateSelfSigned(
            new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(9999, 12, 31, 23, 59, 59, TimeSpan.Zero));
        return $"{certificate.ExportCertificatePem()}\n{key.ExportPkcs8PrivateKeyPem()}\n";
    }
}

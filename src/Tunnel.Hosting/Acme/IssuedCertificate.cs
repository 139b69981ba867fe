using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Tunnel.Hosting.Files;

namespace Tunnel.Hosting.Acme;

/// <summary>What a CA gave out, held against what was asked for.</summary>
public static class IssuedCertificate
{
    private const int MostCertificates = 10;

    /// <summary>Reads the chain and puts the key behind it.</summary>
    /// <param name="chain">As downloaded.</param>
    /// <param name="key">For which it was asked.</param>
    /// <param name="names">Likewise.</param>
    /// <returns>PEM, written anew: the certificate, those behind it, the key.</returns>
    /// <exception cref="AcmeException">It is not what was asked for.</exception>
    public static string Read(string chain, ECDsa key, IReadOnlyList<string> names, DateTimeOffset now)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(chain);
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            // Nobody can list what the platform throws at bytes that it does not like.
            throw new AcmeException(AcmeFault.Nonsense, "What the CA gives out is no certificate in PEM form.", inner: error);
        }

        try
        {
            if (certificates.Count is 0 or > MostCertificates)
            {
                throw new AcmeException(AcmeFault.Nonsense, $"The CA gives out {certificates.Count} certificates instead of a chain.");
            }

            if (FindFault(certificates[0], key, names, now) is { } fault)
            {
                throw new AcmeException(AcmeFault.Nonsense, $"The certificate that the CA gives out {fault}.");
            }

            var pem = new StringBuilder();
            foreach (X509Certificate2 certificate in certificates)
            {
                pem.Append(certificate.ExportCertificatePem()).Append('\n');
            }

            return pem.Append(key.ExportPkcs8PrivateKeyPem()).Append('\n').ToString();
        }
        finally
        {
            foreach (X509Certificate2 certificate in certificates)
            {
                certificate.Dispose();
            }
        }
    }

    private static string? FindFault(X509Certificate2 leaf, ECDsa key, IReadOnlyList<string> names, DateTimeOffset now)
    {
        try
        {
            if (!leaf.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo()))
            {
                return "is for another key";
            }

            IEnumerable<string> covered = leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>()
                .SelectMany(static extension => extension.EnumerateDnsNames()).Select(static name => name.ToLowerInvariant());
            return names.Except(covered).FirstOrDefault() is { } missing ? $"is not for {missing}"
                : leaf.NotAfter.ToUniversalTime() <= now ? "has ended; check the clock of this machine"
                : null;
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            return "cannot be read";
        }
    }
}

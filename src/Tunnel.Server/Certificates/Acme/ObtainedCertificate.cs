using System.Security.Cryptography.X509Certificates;
using Tunnel.Hosting.Acme;
using Tunnel.Hosting.Files;

namespace Tunnel.Server.Certificates.Acme;

/// <summary>A certificate that the server got by itself, as it lies on the disk.</summary>
/// <param name="Id">How the CA names it (RFC 9773); null: it has no name there.</param>
internal sealed record ObtainedCertificate(ServedCertificate Served, DateTimeOffset NotBefore, DateTimeOffset NotAfter, string? Id, string Serial)
{
    /// <summary>Null: there is none, or none that can still be served.</summary>
    /// <param name="fault">Why it cannot be.</param>
    public static ObtainedCertificate? Read(CertificateFolder folder, DateTimeOffset now, out string? fault)
    {
        fault = null;
        if (!File.Exists(folder.CertificatePath))
        {
            return null;
        }

        try
        {
            ServedCertificate served = new CertificateFile(folder.CertificatePath, null).Load(now);
            using X509Certificate2 leaf = X509Certificate2.CreateFromPem(OutsideFile.ReadText(folder.CertificatePath, AcmeConnection.MostBytes));
            return new ObtainedCertificate(served, leaf.NotBefore.ToUniversalTime(), leaf.NotAfter.ToUniversalTime(), RenewalInfo.IdOf(leaf), leaf.SerialNumber);
        }
        catch (CertificateException error)
        {
            fault = error.Message;
            return null;
        }
    }
}

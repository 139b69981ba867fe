using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Tunnel.Hosting;
using Tunnel.Hosting.Files;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Server.Certificates;

/// <summary>
/// A certificate for trying out, signed by nobody but itself, for the domain and every name below it. Kept in the state
/// directory, so that what a visitor has once accepted stays the same.
/// </summary>
internal static class SelfSigned
{
    /// <summary>Browsers refuse certificates that are valid for longer.</summary>
    private static readonly TimeSpan ValidFor = TimeSpan.FromDays(397);

    private static readonly TimeSpan RenewBefore = TimeSpan.FromDays(30);

    /// <summary>The file for a server; null: it has none.</summary>
    /// <param name="stateDir">The server's.</param>
    /// <exception cref="ArgumentException">It cannot be kept.</exception>
    public static CertificateFile? Find(ServerOptions options, string stateDir, DateTimeOffset now)
    {
        try
        {
            return options.Tls.SelfSigned ? Ensure(stateDir, options.Domain, now) : null;
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            throw new ArgumentException(
                $"--tls self-signed: the certificate cannot be kept in {Printable.Of(stateDir)}: {error.Message} Choose another folder with --state-dir.", error);
        }
    }

    /// <summary>The file, made now if it is missing, about to expire, unreadable, or for another domain.</summary>
    /// <exception cref="IOException">The state directory cannot be written to.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be.</exception>
    public static CertificateFile Ensure(string stateDir, string domain, DateTimeOffset now)
    {
        OwnerOnlyFile.CreateFolder(stateDir);
        var file = new CertificateFile(Path.Combine(stateDir, "self-signed.pem"), Path.Combine(stateDir, "self-signed.key"));
        if (!IsGood(file, domain, now))
        {
            (string chain, string key) = Make(domain, now);
            OwnerOnlyFile.Write(file.KeyPath!, Encoding.ASCII.GetBytes(key));
            OwnerOnlyFile.Write(file.CertPath, Encoding.ASCII.GetBytes(chain));
        }

        return file;
    }

    private static bool IsGood(CertificateFile file, string domain, DateTimeOffset now)
    {
        try
        {
            ServedCertificate certificate = file.Load(now);
            return certificate.NotAfter - now > RenewBefore && certificate.Names.Contains(domain);
        }
        catch (CertificateException)
        {
            return false;
        }
    }

    private static (string Chain, string Key) Make(string domain, DateTimeOffset now)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={domain}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(domain);
        names.AddDnsName($"*.{domain}");
        if (domain == "localhost")
        {
            names.AddIpAddress(IPAddress.Loopback);
            names.AddIpAddress(IPAddress.IPv6Loopback);
        }

        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        using X509Certificate2 certificate = request.CreateSelfSigned(now - TimeSpan.FromDays(1), now + ValidFor);
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }
}

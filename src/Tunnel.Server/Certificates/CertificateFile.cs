using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tunnel.Hosting;
using Tunnel.Hosting.Files;

namespace Tunnel.Server.Certificates;

/// <summary>
/// A certificate with its key and chain as it lies in files: PEM in two files, PEM with both in one, or PFX (PKCS #12).
/// </summary>
/// <param name="CertPath">The chain, the server's own certificate first.</param>
/// <param name="KeyPath">Null: the key is in the same file.</param>
internal sealed record CertificateFile(string CertPath, string? KeyPath)
{
    private const int MostBytes = 1024 * 1024;

    /// <summary>What is stamped on the files, so that a change shows.</summary>
    public string Stamp => Describe(CertPath) + (KeyPath is null ? "" : Describe(KeyPath));

    /// <summary>Reads and checks the files.</summary>
    /// <exception cref="CertificateException">They cannot be used; the message says which file, why, and what to do.</exception>
    public ServedCertificate Load(DateTimeOffset now)
    {
        try
        {
            (X509Certificate2 leaf, IEnumerable<X509Certificate2> rest) = IsPfx(CertPath) ? LoadPfx() : LoadPem();
            RequireValid(leaf, now);
            return new ServedCertificate(leaf, rest);
        }
        catch (OutsideFileException error)
        {
            throw new CertificateException(error.Message, error);
        }
        catch (Exception error) when (error is not CertificateException && OutsideFile.IsItsFault(error))
        {
            // Nobody can list what the platform throws at a certificate that it does not like.
            throw new CertificateException(
                $"The certificate in {Printable.Of(CertPath)} cannot be served: {Printable.Of(error.Message)} Put one in its place that 'openssl verify' and browsers take.", error);
        }
    }

    private void RequireValid(X509Certificate2 leaf, DateTimeOffset now)
    {
        if (leaf.NotAfter.ToUniversalTime() <= now)
        {
            throw new CertificateException(
                $"{Printable.Of(CertPath)} expired on {leaf.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm} UTC. Renew it and put the new one in its place.");
        }

        if (leaf.NotBefore.ToUniversalTime() > now)
        {
            throw new CertificateException(
                $"{Printable.Of(CertPath)} is valid only from {leaf.NotBefore.ToUniversalTime():yyyy-MM-dd HH:mm} UTC on. Check the clock of this machine.");
        }

        if (!ServedCertificate.CanServe(leaf))
        {
            throw new CertificateException(
                $"{Printable.Of(CertPath)} is for a key of a kind that cannot be served ({leaf.PublicKey.Oid.FriendlyName ?? leaf.PublicKey.Oid.Value}). Make one with an RSA key or one on an elliptic curve.");
        }
    }

    private static bool IsPfx(string path) =>
        Path.GetExtension(path).ToUpperInvariant() is ".PFX" or ".P12";

    private (X509Certificate2 Leaf, IEnumerable<X509Certificate2> Others) LoadPem()
    {
        string pem = OutsideFile.ReadText(CertPath, MostBytes);
        string key = KeyPath is null ? pem : OutsideFile.ReadText(KeyPath, MostBytes);
        var chain = new X509Certificate2Collection();
        try
        {
            chain.ImportFromPem(pem);
        }
        catch (CryptographicException error)
        {
            throw NoPem(error);
        }

        if (chain.Count == 0)
        {
            throw NoPem(null);
        }

        X509Certificate2 bare = chain[0];
        chain.RemoveAt(0);
        if (!ServedCertificate.CanServe(bare))
        {
            // Its key may be of a kind that the platform does not even read.
            return (bare, chain);
        }

        try
        {
            return (Usable(X509Certificate2.CreateFromPem(bare.ExportCertificatePem(), key)), chain);
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException)
        {
            throw new CertificateException(WhyNoKey(key), error);
        }
    }

    private CertificateException NoPem(Exception? error) => new(
        $"{Printable.Of(CertPath)} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----). A PFX file needs a name that ends in .pfx or .p12.",
        error);

    private string WhyNoKey(string key)
    {
        string path = Printable.Of(KeyPath ?? CertPath);
        if (key.Contains("ENCRYPTED PRIVATE KEY", StringComparison.Ordinal) || key.Contains("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal))
        {
            return $"The key in {path} is encrypted with a password. Store it without one, readable by the server alone.";
        }

        return key.Contains("PRIVATE KEY-----", StringComparison.Ordinal)
            ? $"The key in {path} does not belong to the certificate in {Printable.Of(CertPath)}. Give the key it was made with; if both were just renewed, replace both files."
            : $"{path} holds no private key in PEM form. Name the key's file with --key.";
    }

    private (X509Certificate2 Leaf, IEnumerable<X509Certificate2> Others) LoadPfx()
    {
        byte[] bytes = OutsideFile.Read(CertPath, MostBytes);
        try
        {
            X509Certificate2Collection all = X509CertificateLoader.LoadPkcs12Collection(bytes, password: null, X509KeyStorageFlags.Exportable);
            X509Certificate2 leaf = all.FirstOrDefault(static certificate => certificate.HasPrivateKey)
                ?? throw new CertificateException($"{Printable.Of(CertPath)} holds no private key. Export it again with the key.");
            all.Remove(leaf);
            return (leaf, CertificateChain.InOrder(leaf, all));
        }
        catch (CryptographicException error)
        {
            throw new CertificateException(
                $"{Printable.Of(CertPath)} is not a PFX file, or is protected by a password. Store it without one, readable by the server alone.", error);
        }
    }

    // Windows cannot serve with a key that exists in memory only.
    private static X509Certificate2 Usable(X509Certificate2 certificate)
    {
        if (!OperatingSystem.IsWindows())
        {
            return certificate;
        }

        using (certificate)
        {
            return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null);
        }
    }

    private static string Describe(string path)
    {
        // A link is followed: renewal programs change where it points, not the link's own target file.
        try
        {
            FileSystemInfo file = new FileInfo(path);
            file = file.ResolveLinkTarget(returnFinalTarget: true) ?? file;
            return file is FileInfo { Exists: true } real ? $"{real.FullName} {real.LastWriteTimeUtc.Ticks} {real.Length};" : "missing;";
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            return "missing;";
        }
    }
}

/// <summary>A certificate that cannot be used; the message is for the person who runs the server.</summary>
internal sealed class CertificateException(string message, Exception? inner = null) : Exception(message, inner);

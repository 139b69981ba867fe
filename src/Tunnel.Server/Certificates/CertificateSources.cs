using Tunnel.Hosting;
using Tunnel.Hosting.Files;

namespace Tunnel.Server.Certificates;

/// <summary>Where certificates come from: files named one by one, and a folder of them.</summary>
/// <param name="named">In the order given; the first is the default.</param>
/// <param name="folder">
/// Null: none. In it <c>NAME.pem</c> or <c>NAME.crt</c> with <c>NAME.key</c> beside it (or the key inside), <c>NAME.pfx</c>,
/// and folders with <c>fullchain.pem</c> and <c>privkey.pem</c>, as certbot lays them out.
/// </param>
internal sealed class CertificateSources(IReadOnlyList<CertificateFile> named, string? folder)
{
    public bool IsConfigured => named.Count > 0 || folder is not null;

    public CertificateFile? Default => named.Count > 0 ? named[0] : null;

    public bool IsNamed(CertificateFile file) => named.Contains(file);

    /// <summary>Pairs <c>--cert</c> with <c>--key</c> in the order given; a PFX takes none.</summary>
    /// <exception cref="ArgumentException">A certificate without a key, a key without a certificate, or no such folder.</exception>
    public static CertificateSources From(ServerOptions options, CertificateFile? selfSigned)
    {
        var named = new List<CertificateFile>();
        var keys = new Queue<string>(options.Tls.Keys);
        foreach (string cert in options.Tls.Certs)
        {
            bool isPfx = Path.GetExtension(cert).ToUpperInvariant() is ".PFX" or ".P12";
            named.Add(new CertificateFile(cert, isPfx || keys.Count == 0 ? null : keys.Dequeue()));
        }

        if (keys.TryDequeue(out string? key))
        {
            throw new ArgumentException($"--key {Printable.Of(key)} has no --cert. Give them in pairs: --cert FILE --key FILE.");
        }

        if (options.Tls.CertDir is { } folder && !Directory.Exists(folder))
        {
            throw new ArgumentException($"--cert-dir: there is no folder {Printable.Of(folder)}.");
        }

        if (selfSigned is not null)
        {
            named.Add(selfSigned);
        }

        return new CertificateSources(named, options.Tls.CertDir);
    }

    /// <summary>All files as they are now.</summary>
    /// <exception cref="CertificateException">The folder cannot be listed.</exception>
    public IReadOnlyList<CertificateFile> Files()
    {
        if (folder is null)
        {
            return named;
        }

        try
        {
            return [.. named, .. InFolder(folder)];
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            throw new CertificateException(
                $"{new OutsideFileException(folder, "listed", error).Message} It is the folder of --cert-dir; let the user that runs this server read it.", error);
        }
    }

    private static IEnumerable<CertificateFile> InFolder(string folder)
    {
        foreach (string path in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            string extension = Path.GetExtension(path).ToUpperInvariant();
            if (extension is ".PFX" or ".P12")
            {
                yield return new CertificateFile(path, null);
            }
            else if (extension is ".PEM" or ".CRT")
            {
                string key = Path.ChangeExtension(path, ".key");
                yield return new CertificateFile(path, File.Exists(key) ? key : null);
            }
        }

        foreach (string inner in Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal))
        {
            string chain = Path.Combine(inner, "fullchain.pem");
            if (File.Exists(chain))
            {
                yield return new CertificateFile(chain, Path.Combine(inner, "privkey.pem"));
            }
        }
    }
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Tunnel.Hosting.Files;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Hosting.Acme;

/// <summary>
/// Where one certificate is kept, and the order for its next one. <c>certificate.pem</c> has the chain and the key, and is replaced
/// as a whole; <c>order.json</c> is there from before the CA is asked until the certificate is on the disk.
/// </summary>
public sealed class CertificateFolder
{
    private readonly string _path;
    private readonly KeptFile<KeptOrder> _order;
    private readonly KeptFile<KeptTries> _tries;

    internal CertificateFolder(string name, string path)
    {
        Name = name;
        _path = path;
        _order = new KeptFile<KeptOrder>(Path.Combine(path, "order.json"), AcmeJson.Default.KeptOrder);
        _tries = new KeptFile<KeptTries>(Path.Combine(path, "tries.json"), AcmeJson.Default.KeptTries);
    }

    public string Name { get; }

    public string CertificatePath => Path.Combine(_path, "certificate.pem");

    /// <summary>Nobody else orders this certificate, in whatever process, while it is held. Null: somebody does.</summary>
    /// <exception cref="IOException">The disk does not take the lock's file.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder belongs to somebody else.</exception>
    public FolderLock? TryLock() => FolderLock.TryTake(_path);

    /// <exception cref="IOException">The disk does not take it; what was there stays.</exception>
    public void Keep(string pem) => OwnerOnlyFile.Write(CertificatePath, Encoding.ASCII.GetBytes(pem));

    /// <summary>What became of the tries since the last certificate; null: none failed, or that cannot be read.</summary>
    public KeptTries? ReadTries()
    {
        try
        {
            return _tries.Read();
        }
        catch (OutsideFileException)
        {
            return null;
        }
    }

    /// <param name="tries">Null: there is nothing to remember.</param>
    /// <exception cref="IOException">The disk does not take it; what was there stays.</exception>
    public void KeepTries(KeptTries? tries)
    {
        if (tries is null)
        {
            _tries.Delete();
        }
        else
        {
            _tries.Write(tries);
        }
    }

    /// <summary>The certificate for this key is here already: its order ended, and was only not forgotten.</summary>
    internal bool Holds(ECDsa key)
    {
        try
        {
            using X509Certificate2 kept = X509Certificate2.CreateFromPem(OutsideFile.ReadText(CertificatePath, AcmeConnection.MostBytes));
            return kept.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo());
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            return false;
        }
    }

    internal KeptOrder? ReadOrder()
    {
        try
        {
            return _order.Read();
        }
        catch (OutsideFileException error) when (!error.IsMissing && error.InnerException is JsonException)
        {
            // Never written half: somebody changed it. The order is lost with it, and another one will do.
            return null;
        }
    }

    internal void KeepOrder(KeptOrder order) => _order.Write(order);

    internal void DropOrder() => _order.Delete();
}

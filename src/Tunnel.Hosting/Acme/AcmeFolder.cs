using System.Security.Cryptography;
using System.Text;
using Tunnel.Hosting.Files;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Hosting.Acme;

/// <summary>
/// What is kept of one CA: the account, and a folder for each certificate (docs/certificates.md, "What is kept"). Each CA has its own,
/// so a trial against a staging one leaves nothing behind that visitors would meet.
/// </summary>
public sealed class AcmeFolder
{
    private readonly KeptFile<KeptAccount> _account;
    private readonly Uri _directory;

    private AcmeFolder(string path, Uri directory)
    {
        Path = path;
        _directory = directory;
        _account = new KeptFile<KeptAccount>(System.IO.Path.Combine(path, "account.json"), AcmeJson.Default.KeptAccount);
    }

    public string Path { get; }

    /// <summary>Makes the folder if it is not there.</summary>
    /// <param name="parent">In it each CA has its folder.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">The parent belongs to somebody else.</exception>
    public static AcmeFolder Open(string parent, Uri directory)
    {
        byte[] digest = SHA256.HashData(Encoding.UTF8.GetBytes(directory.AbsoluteUri));
        string path = System.IO.Path.Combine(parent, $"{directory.IdnHost.Replace(':', '_').Trim('[', ']')}-{Convert.ToHexStringLower(digest.AsSpan(0, 4))}");
        OwnerOnlyFile.CreateFolder(path);
        UnixFolder.GiveToOwner(parent, path);
        return new AcmeFolder(path, directory);
    }

    /// <summary>Where the certificate of a name is kept; made if it is not there.</summary>
    /// <param name="name">A host name; may begin with <c>*.</c>.</param>
    public CertificateFolder Certificate(string name)
    {
        string folder = System.IO.Path.Combine(Path, name.Replace("*.", "_.", StringComparison.Ordinal));
        OwnerOnlyFile.CreateFolder(folder);
        UnixFolder.GiveToOwner(Path, folder);
        return new CertificateFolder(name, folder);
    }

    /// <summary>
    /// The account, made at the CA if there is none. Its key is on the disk before the CA hears of it, so whatever happens in between
    /// the next call finds the same account.
    /// </summary>
    /// <param name="told">Gets the address of the CA's terms, once, when an account is made.</param>
    /// <returns>The caller disposes of its key.</returns>
    /// <exception cref="AcmeException">The CA did not let us in.</exception>
    /// <exception cref="OutsideFileException">What is kept is damaged.</exception>
    public async Task<AcmeClient> OpenAccountAsync(AcmeConnection connection, AcmeSettings settings, Action<string?> told, CancellationToken cancel)
    {
        AcmeDirectory directory = await AcmeClient.ReadDirectoryAsync(connection, cancel);
        using FolderLock held = await FolderLock.TakeAsync(Path, TimeSpan.FromMinutes(1), connection.Time, cancel);
        KeptAccount? kept = _account.Read();
        AccountKey key = kept is null ? AccountKey.New() : KeyOf(kept);
        try
        {
            if (kept is null)
            {
                _account.Write(kept = new KeptAccount(_directory.AbsoluteUri, key.ExportPem(), null, settings.Contact));
            }

            var client = new AcmeClient(connection, directory, key, connection.Urls.Find(kept.Url));
            if (kept.Url is null)
            {
                if (directory.NeedsExternalAccount && settings.External is null)
                {
                    throw new AcmeException(
                        AcmeFault.Refused, "This CA lets in only who has an account there already.", new AcmeProblem("externalAccountRequired", ""));
                }

                told(directory.Terms);
                Uri url = await client.RegisterAsync(settings.Contact, settings.External, cancel);
                _account.Write(kept with { Url = url.AbsoluteUri, Contact = settings.Contact });
            }
            else if (!kept.Contact.SequenceEqual(settings.Contact))
            {
                await client.ChangeContactAsync(settings.Contact, cancel);
                _account.Write(kept with { Contact = settings.Contact });
            }

            return client;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>The CA knows the account no more: the next <see cref="OpenAccountAsync"/> makes it again, with the same key.</summary>
    public void ForgetAccount()
    {
        if (_account.Read() is { } kept)
        {
            _account.Write(kept with { Url = null });
        }
    }

    private AccountKey KeyOf(KeptAccount kept)
    {
        string path = System.IO.Path.Combine(Path, "account.json");
        try
        {
            return AccountKey.FromPem(kept.Key);
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            throw new OutsideFileException(path, "used", error);
        }
    }
}

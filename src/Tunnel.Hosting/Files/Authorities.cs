using System.Security.Cryptography.X509Certificates;

namespace Tunnel.Hosting.Files;

/// <summary>Certificates of authorities in a PEM file that somebody names with an option.</summary>
public static class Authorities
{
    private const int MostBytes = 4 * 1024 * 1024;

    /// <param name="option">Named when the file cannot be used.</param>
    /// <exception cref="ArgumentException">It cannot be read, or there are none in it; the message says so.</exception>
    public static X509Certificate2Collection In(string path, string option)
    {
        X509Certificate2Collection authorities;
        try
        {
            authorities = OutsideFile.Read(path, MostBytes, static content =>
            {
                var found = new X509Certificate2Collection();
                found.ImportFromPem(OutsideFile.TextOf(content));
                return found;
            }, mayBePipe: true);
        }
        catch (OutsideFileException error)
        {
            throw new ArgumentException($"{option}: {error.Message}", error);
        }

        return authorities.Count > 0
            ? authorities
            : throw new ArgumentException($"{option}: {Printable.Of(path)} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----).");
    }
}

namespace Tunnel.Hosting.Acme;

/// <summary>Which addresses of a CA are asked: those by HTTPS; by plain HTTP as well where its directory is on this machine.</summary>
/// <param name="directory">The directory's own address, which a person gave.</param>
public sealed class UrlRule(Uri directory)
{
    private const int Longest = 2048;

    private readonly bool _mayBePlain = directory.Scheme == Uri.UriSchemeHttp && directory.IsLoopback;

    /// <summary>Whether a directory may be at this address at all.</summary>
    public static bool IsDirectory(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && new UrlRule(url).Find(text) is not null;

    /// <summary>Null: it is none, or not one that is asked.</summary>
    public Uri? Find(string? text) =>
        text is { Length: > 0 and <= Longest } && Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.UserInfo.Length == 0
        && (url.Scheme == Uri.UriSchemeHttps || (_mayBePlain && url.Scheme == Uri.UriSchemeHttp && url.IsLoopback))
            ? url
            : null;

    /// <exception cref="AcmeException">There is none, or not one that is asked.</exception>
    public Uri Require(string? text, string member) => Find(text)
        ?? throw new AcmeException(AcmeFault.Nonsense, $"The CA gives no https address for '{member}'.");
}

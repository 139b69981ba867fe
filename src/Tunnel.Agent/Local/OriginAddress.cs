using Tunnel.Hosting;

namespace Tunnel.Agent.Local;

/// <summary>Where an origin is, in one text: a port, <c>HOST:PORT</c>, <c>http://HOST:PORT</c>, <c>https://HOST:PORT</c> or <c>unix:PATH</c>.</summary>
/// <param name="Socket">Path of a Unix socket; the origin is there instead of at host and port.</param>
public sealed record OriginAddress(string Host, int Port, bool IsHttps, string? Socket)
{
    public const string Expected = "a port, HOST:PORT, a URL like https://localhost:8443, or unix:PATH";

    private const string UnixPrefix = "unix:";

    /// <summary>Null when the text is none of them.</summary>
    public static OriginAddress? TryParse(string text)
    {
        if (text.StartsWith(UnixPrefix, StringComparison.Ordinal))
        {
            return text.Length > UnixPrefix.Length ? new OriginAddress("localhost", 0, IsHttps: false, text[UnixPrefix.Length..]) : null;
        }

        if (ushort.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out ushort port))
        {
            return port > 0 ? new OriginAddress("localhost", port, IsHttps: false, null) : null;
        }

        int schemeEnd = text.IndexOf("://", StringComparison.Ordinal);
        string scheme = schemeEnd < 0 ? "" : text[..schemeEnd].ToLowerInvariant();
        if (scheme is not ("" or "http" or "https" or "tcp"))
        {
            return null;
        }

        // A slash behind the name says nothing; a path would promise something.
        string authority = schemeEnd < 0 ? text : text[(schemeEnd + 3)..].TrimEnd('/');
        int usual = scheme switch { "http" => 80, "https" => 443, _ => 0 };
        return HostAndPort.TryParse(authority, usual, out string host, out int given) && given > 0
            ? new OriginAddress(host, given, scheme == "https", null)
            : null;
    }

    public override string ToString() => Socket is not null
        ? UnixPrefix + Socket
        : IsHttps ? $"https://{HostAndPort.Write(Host, Port)}" : HostAndPort.Write(Host, Port);
}

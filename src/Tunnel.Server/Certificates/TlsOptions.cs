using Tunnel.Hosting.Options;

namespace Tunnel.Server.Certificates;

/// <summary>HTTPS: certificates, and what browsers are told of it.</summary>
public sealed record TlsOptions
{
    /// <summary>Files with certificate chains; the first is the default. A PFX has its key inside.</summary>
    public IReadOnlyList<string> Certs { get; init; } = [];

    /// <summary>The keys of <see cref="Certs"/>, in the same order; PEM files may hold their own.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];

    /// <summary>A folder of certificates, chosen by name.</summary>
    public string? CertDir { get; init; }

    /// <summary>Makes a certificate for the domain, for trying out.</summary>
    public bool SelfSigned { get; init; }

    /// <summary>Plain HTTP is answered with 308 to the same address on HTTPS.</summary>
    public bool RedirectsToHttps { get; init; }

    /// <summary>How long browsers are to remember that there is HTTPS (RFC 6797); null: they are not told.</summary>
    public TimeSpan? Hsts { get; init; }

    /// <summary>From accept to the end of the TLS handshake, a PROXY header before it included.</summary>
    public TimeSpan HandshakeTime { get; init; } = TimeSpan.FromSeconds(10);

    internal static IReadOnlyList<OptionDeclaration<TlsOptions>> Declarations { get; } =
    [
        Declare<TlsOptions>.Texts("cert", "FILE", "Certificate chain in PEM form, or PFX with the key inside. The first is the default.", o => o.Certs, (o, v) => o with { Certs = v }) with
        {
            Group = "HTTPS",
            IsCommon = true,
            IsPath = true,
        },
        Declare<TlsOptions>.Texts("key", "FILE", "The key of the --cert before it, in PEM form.", o => o.Keys, (o, v) => o with { Keys = v }) with { Group = "HTTPS", IsCommon = true, IsPath = true },
        Declare<TlsOptions>.Path(
            "cert-dir",
            "FOLDER",
            "A folder of certificates, chosen by name: NAME.pem with NAME.key, NAME.pfx, or folders as certbot makes them.",
            o => o.CertDir,
            (o, v) => o with { CertDir = v }) with
        {
            Group = "HTTPS",
            IsCommon = true,
        },
        Declare<TlsOptions>.Choice(
            "tls",
            "self-signed makes a certificate for the domain, for trying out; browsers warn of it.",
            [("files", false), ("self-signed", true)],
            o => o.SelfSigned,
            (o, v) => o with { SelfSigned = v }) with
        {
            Group = "HTTPS",
            Details = "It is kept in the state folder.",
        },
        Declare<TlsOptions>.Switch("https-redirect", "Answer plain HTTP with a redirect to HTTPS.", o => o.RedirectsToHttps, (o, v) => o with { RedirectsToHttps = v }) with
        {
            Group = "HTTPS",
            IsCommon = true,
            Details = "308, to the same address.",
        },
        Declare<TlsOptions>.Count(
            "hsts",
            "SECONDS",
            "Tell browsers to use HTTPS only, for so long (Strict-Transport-Security).",
            "a whole number of seconds",
            o => o.Hsts is { } hsts ? (long)hsts.TotalSeconds : null,
            (o, v) => o with { Hsts = TimeSpan.FromSeconds(v) },
            (long)TimeSpan.FromDays(3650).TotalSeconds) with
        {
            Group = "HTTPS",
            DefaultInWords = "they are not told",
            Details = "On encrypted answers that say nothing of it themselves.",
        },
    ];
}

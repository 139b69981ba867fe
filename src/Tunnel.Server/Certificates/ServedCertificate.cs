using System.Diagnostics.CodeAnalysis;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Tunnel.Server.Certificates;

/// <summary>One certificate ready to be served: the names it is for, and the options of every handshake with it.</summary>
/// <remarks>The options are shared by all its handshakes, so that sessions can be taken up again.</remarks>
internal sealed class ServedCertificate
{
    // RFC 3279 section 2.3, RFC 4055 section 1.2
    private const string Rsa = "1.2.840.113549.1.1.1";
    private const string RsaPss = "1.2.840.113549.1.1.10";
    private const string EllipticCurve = "1.2.840.10045.2.1";

    private readonly SslServerAuthenticationOptions _tls12;
    private readonly SslServerAuthenticationOptions _tls13;

    /// <remarks>Throws whatever the platform throws at a certificate that it does not like: the caller reads somebody's file.</remarks>
    /// <param name="rest">What is sent behind it.</param>
    public ServedCertificate(X509Certificate2 leaf, IEnumerable<X509Certificate2> rest)
    {
        Names = NamesOf(leaf);
        NotAfter = leaf.NotAfter.ToUniversalTime();
        IsOnCurve = leaf.PublicKey.Oid.Value == EllipticCurve;
        var context = CertificateChain.ContextOf(leaf, rest);
        _tls12 = Tls12Of(context);
#pragma warning disable CA5398 // The one version whose ciphers need no choosing.
        _tls13 = OperatingSystem.IsLinux() ? Common(context, SslProtocols.Tls13) : _tls12;
#pragma warning restore CA5398
    }

    /// <summary>Lower case; those with <c>*.</c> in front stand for one label.</summary>
    public IReadOnlyList<string> Names { get; }

    public DateTimeOffset NotAfter { get; }

    /// <summary>Its key is one on an elliptic curve: whoever sees it must be able to check ECDSA.</summary>
    public bool IsOnCurve { get; }

    /// <summary>
    /// The options of one handshake. On Linux a list of ciphers costs the engine its kept contexts, and with them most of the
    /// time of a handshake and every resumption. Only TLS 1.2 needs one: all ciphers of 1.3 are good. So a client that offers
    /// 1.3 gets nothing else, and one that does not has a whole handshake each time.
    /// </summary>
    public SslServerAuthenticationOptions HandshakeFor(bool offersTls13) => offersTls13 ? _tls13 : _tls12;

    /// <summary>The platform's TLS signs with RSA keys and those on elliptic curves alone.</summary>
    public static bool CanServe(X509Certificate2 leaf) => leaf.PublicKey.Oid.Value is Rsa or RsaPss or EllipticCurve;

    /// <summary>For logs.</summary>
    public override string ToString() => $"{string.Join(", ", Names.Take(5))}, until {NotAfter:yyyy-MM-dd}";

    [SuppressMessage("Security", "CA5398", Justification = "The floor is what is meant: 1.2, whatever the system would still allow.")]
    private static SslServerAuthenticationOptions Tls12Of(SslStreamCertificateContext context)
    {
        SslServerAuthenticationOptions options = Common(context, SslProtocols.Tls12);
        if (OperatingSystem.IsLinux())
        {
            // Forward secrecy and authenticated encryption only.
            options.CipherSuitesPolicy = new CipherSuitesPolicy(
            [
                TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                TlsCipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
            ]);
        }
        else
        {
            // Elsewhere the system chooses, and its owner; some of these have no 1.3 to offer.
            options.EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
        }

        return options;
    }

    private static SslServerAuthenticationOptions Common(SslStreamCertificateContext context, SslProtocols versions) => new()
    {
        ServerCertificateContext = context,
        EnabledSslProtocols = versions,
        ApplicationProtocols = [SslApplicationProtocol.Http11],
        AllowRenegotiation = false,
    };

    private static List<string> NamesOf(X509Certificate2 leaf)
    {
        List<string> names =
        [
            .. leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>()
                .SelectMany(static alternatives => alternatives.EnumerateDnsNames())
                .Select(static name => name.ToLowerInvariant()),
        ];

        // Names in the subject went out of use long ago, but who has only that wants it served.
        string subject = leaf.GetNameInfo(X509NameType.DnsName, forIssuer: false);
        if (names.Count == 0 && subject.Length > 0)
        {
            names.Add(subject.ToLowerInvariant());
        }

        return names;
    }
}

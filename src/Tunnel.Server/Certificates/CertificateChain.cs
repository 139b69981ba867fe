using System.Collections.ObjectModel;
using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;

namespace Tunnel.Server.Certificates;

/// <summary>
/// A certificate and what is sent with it: exactly what its file has behind it, in that order
/// (docs/decisions/0010-chains-as-the-file-has-them.md).
/// </summary>
internal static class CertificateChain
{
    /// <summary>For handshakes. Asks neither the network nor the system's authorities.</summary>
    /// <param name="leaf">With its key.</param>
    /// <param name="rest">What the file has beside it; copies of the leaf itself are left out.</param>
    public static SslStreamCertificateContext ContextOf(X509Certificate2 leaf, IEnumerable<X509Certificate2> rest)
    {
        X509Certificate2[] intermediates = [.. rest.Where(certificate => !certificate.RawDataMemory.Span.SequenceEqual(leaf.RawDataMemory.Span))];
        try
        {
            SslStreamCertificateContext context = New(leaf, Array.AsReadOnly(intermediates), null);
            if (intermediates.Length > 0)
            {
                // Lets the platform ask the responder (OCSP) that the certificate names; what comes back is checked against these.
                bool isTaken = false;
                AddRoot(context, X509CertificateLoader.LoadCertificate(intermediates[^1].RawDataMemory.Span), ref isTaken);
            }

            return context;
        }
        catch (MissingMethodException)
        {
            // A runtime that is built otherwise: its own idea of the chain, and nothing stapled.
            return SslStreamCertificateContext.Create(leaf, [.. intermediates], offline: true);
        }
    }

    /// <summary>
    /// A PFX has its certificates in no order: puts each behind the one that it has signed, so far as that can be told, and the
    /// others behind them.
    /// </summary>
    public static IReadOnlyList<X509Certificate2> InOrder(X509Certificate2 leaf, IEnumerable<X509Certificate2> rest)
    {
        List<X509Certificate2> left = [.. rest];
        var ordered = new List<X509Certificate2>();
        X509Certificate2 last = leaf;
        while (IssuerOf(last, left) is { } issuer)
        {
            left.Remove(issuer);
            ordered.Add(last = issuer);
        }

        return [.. ordered, .. left];
    }

    // Of several with the issuer's name the one whose key is named, if any is.
    private static X509Certificate2? IssuerOf(X509Certificate2 certificate, List<X509Certificate2> candidates)
    {
        ReadOnlyMemory<byte>? key = certificate.Extensions.OfType<X509AuthorityKeyIdentifierExtension>().FirstOrDefault()?.KeyIdentifier;
        return candidates
            .Where(candidate => candidate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData))
            .OrderBy(candidate => key is { } named && KeyOf(candidate).Span.SequenceEqual(named.Span) ? 0 : 1)
            .FirstOrDefault();
    }

    private static ReadOnlyMemory<byte> KeyOf(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault()?.SubjectKeyIdentifierBytes ?? default;

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern SslStreamCertificateContext New(
        X509Certificate2 target, ReadOnlyCollection<X509Certificate2> intermediates, SslCertificateTrust? trust);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "AddRootCertificate")]
    private static extern void AddRoot(SslStreamCertificateContext context, X509Certificate2? root, ref bool isTaken);
}

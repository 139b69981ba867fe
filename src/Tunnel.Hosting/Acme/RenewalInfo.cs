using System.Buffers.Text;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Tunnel.Hosting.Acme;

/// <summary>When the CA would like a certificate to be renewed (RFC 9773).</summary>
/// <param name="Explanation">A page that says why, printable; null: none.</param>
/// <param name="AskAgain">When to ask the next time.</param>
public sealed record RenewalInfo(DateTimeOffset Start, DateTimeOffset End, string? Explanation, TimeSpan AskAgain)
{
    /// <summary>Where the CA does not say; section 4.3.2.</summary>
    public static readonly TimeSpan UsualPause = TimeSpan.FromHours(6);

    private static readonly TimeSpan LeastPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan MostPause = TimeSpan.FromDays(1);

    /// <summary>Null: it says nothing that can be used, so the certificate's own end decides.</summary>
    public static RenewalInfo? Read(ReadOnlySpan<byte> json, TimeSpan? retryAfter)
    {
        try
        {
            RenewalDocument? document = JsonSerializer.Deserialize(json, AcmeJson.Default.RenewalDocument);
            return document?.SuggestedWindow is { Start: { } start, End: { } end } && end > start
                ? new RenewalInfo(start, end, document.ExplanationUrl is { } page ? Printable.Of(page) : null, Bounded(retryAfter ?? UsualPause))
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>How the CA names a certificate (section 4.1); null: it has no authority key identifier.</summary>
    public static string? IdOf(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509AuthorityKeyIdentifierExtension>().FirstOrDefault()?.KeyIdentifier is { Length: > 0 } key
            ? $"{Base64Url.EncodeToString(key.Span)}.{Base64Url.EncodeToString(certificate.SerialNumberBytes.Span)}"
            : null;

    private static TimeSpan Bounded(TimeSpan pause) => pause < LeastPause ? LeastPause : pause > MostPause ? MostPause : pause;
}

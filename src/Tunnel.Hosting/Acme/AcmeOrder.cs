using System.Text.Json;

namespace Tunnel.Hosting.Acme;

/// <summary>How far an order is (RFC 8555 section 7.1.6).</summary>
public enum AcmeOrderStatus
{
    Pending,
    Ready,
    Processing,
    Valid,
    Invalid,
}

/// <summary>What a CA says of an order (RFC 8555 section 7.1.3).</summary>
/// <param name="Error">Why it is invalid; null: the CA does not say.</param>
/// <param name="RetryAfter">When to ask again; null: it does not say.</param>
public sealed record AcmeOrder(
    Uri Url, AcmeOrderStatus Status, IReadOnlyList<Uri> Authorizations, Uri? Finalize, Uri? Certificate, AcmeProblem? Error, TimeSpan? RetryAfter)
{
    /// <summary>One for each name, and nobody asks for more.</summary>
    private const int MostAuthorizations = 100;

    /// <exception cref="AcmeException">It is no order.</exception>
    public static AcmeOrder Read(Uri url, ReadOnlySpan<byte> json, TimeSpan? retryAfter, UrlRule urls)
    {
        try
        {
            if (JsonSerializer.Deserialize(json, AcmeJson.Default.OrderDocument) is { Status: { } status } document
                && AcmeStatus.TryRead(status, out AcmeOrderStatus known) && document.Authorizations is null or { Count: <= MostAuthorizations })
            {
                return new AcmeOrder(
                    url,
                    known,
                    [.. (document.Authorizations ?? []).Select(text => urls.Require(text, "authorizations"))],
                    urls.Find(document.Finalize),
                    urls.Find(document.Certificate),
                    AcmeProblem.Read(document.Error),
                    retryAfter);
            }
        }
        catch (JsonException)
        {
            // Said below.
        }

        throw new AcmeException(AcmeFault.Nonsense, "What the CA says of the order cannot be read.");
    }
}

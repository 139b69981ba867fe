using System.Text.Json;

namespace Tunnel.Hosting.Acme;

/// <summary>Whether the CA takes a name for ours, and by which proofs it would (RFC 8555 section 7.1.4).</summary>
/// <param name="Name">Lower case; for a wildcard without its <c>*.</c>.</param>
/// <param name="Status">As the CA writes it: pending, valid, invalid, deactivated, expired, revoked.</param>
public sealed record AcmeAuthorization(string Name, string Status, IReadOnlyList<AcmeChallenge> Challenges, TimeSpan? RetryAfter)
{
    private const int MostChallenges = 20;

    public bool IsValid => Status == "valid";

    public bool IsPending => Status == "pending";

    /// <exception cref="AcmeException">It is no authorization.</exception>
    public static AcmeAuthorization Read(ReadOnlySpan<byte> json, TimeSpan? retryAfter, UrlRule urls)
    {
        try
        {
            if (JsonSerializer.Deserialize(json, AcmeJson.Default.AuthorizationDocument) is { Status: { } status, Identifier: { Type: "dns", Value: { } name } } document)
            {
                return new AcmeAuthorization(
                    name.ToLowerInvariant(),
                    Printable.Of(status),
                    [.. (document.Challenges ?? []).Take(MostChallenges).Select(challenge => AcmeChallenge.Of(challenge, urls)).OfType<AcmeChallenge>()],
                    retryAfter);
            }
        }
        catch (JsonException)
        {
            // Said below.
        }

        throw new AcmeException(AcmeFault.Nonsense, "What the CA says of the proof of a name cannot be read.");
    }
}

/// <summary>One way to prove a name (RFC 8555 section 8).</summary>
/// <param name="Type">Like <c>http-01</c>.</param>
/// <param name="Token">Base64url.</param>
/// <param name="Error">Why it failed; null: it has not.</param>
public sealed record AcmeChallenge(string Type, Uri Url, string Token, string Status, AcmeProblem? Error)
{
    private const int LongestToken = 256;

    /// <summary>Whether it can be a token: it becomes a part of a path, and of what we answer.</summary>
    public static bool IsToken(ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not '-' and not '_')
            {
                return false;
            }
        }

        return text.Length is > 0 and <= LongestToken;
    }

    // Null: one that we do not know, which is not wrong.
    internal static AcmeChallenge? Of(ChallengeDocument? document, UrlRule urls) =>
        document is { Type: { } type, Token: { } token } && IsToken(token) && urls.Find(document.Url) is { } url
            ? new AcmeChallenge(Printable.Of(type), url, token, document.Status ?? "pending", AcmeProblem.Read(document.Error))
            : null;
}

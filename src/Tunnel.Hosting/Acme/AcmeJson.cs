using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tunnel.Hosting.Acme;

/// <summary>What a CA writes and we read, field by field as RFC 8555 section 7.1 and RFC 9773 name them. Unknown fields are skipped, none is believed.</summary>
internal sealed record DirectoryDocument(string? NewNonce, string? NewAccount, string? NewOrder, string? RenewalInfo, DirectoryMeta? Meta);

internal sealed record DirectoryMeta(string? TermsOfService, bool? ExternalAccountRequired, IReadOnlyDictionary<string, JsonElement>? Profiles);

internal sealed record OrderDocument(string? Status, IReadOnlyList<string>? Authorizations, string? Finalize, string? Certificate, JsonElement? Error);

internal sealed record AuthorizationDocument(string? Status, IdentifierDocument? Identifier, IReadOnlyList<ChallengeDocument>? Challenges);

internal sealed record IdentifierDocument(string? Type, string? Value);

internal sealed record ChallengeDocument(string? Type, string? Url, string? Token, string? Status, JsonElement? Error);

internal sealed record ProblemDocument(string? Type, string? Detail, IReadOnlyList<ProblemDocument>? Subproblems, IdentifierDocument? Identifier);

internal sealed record RenewalDocument(WindowDocument? SuggestedWindow, [property: JsonPropertyName("explanationURL")] string? ExplanationUrl);

internal sealed record WindowDocument(DateTimeOffset? Start, DateTimeOffset? End);

/// <summary>What we write.</summary>
internal sealed record NewAccountRequest(bool TermsOfServiceAgreed, IReadOnlyList<string>? Contact, JsonElement? ExternalAccountBinding);

internal sealed record ContactRequest(IReadOnlyList<string> Contact);

internal sealed record NewOrderRequest(IReadOnlyList<IdentifierDocument> Identifiers, string? Profile, string? Replaces);

internal sealed record FinalizeRequest(string Csr);

/// <summary>What is kept beside the certificates (docs/certificates.md, "What is kept").</summary>
internal sealed record KeptAccount(string Directory, string Key, string? Url, IReadOnlyList<string> Contact);

internal sealed record KeptOrder(IReadOnlyList<string> Names, string Key, string? Url);

/// <summary>Tries that failed, kept so that a program that starts again and again asks no more often than one that runs.</summary>
/// <param name="Pause">From <paramref name="At"/> to the next one.</param>
/// <param name="Error">Of the last one.</param>
public sealed record KeptTries(int Failures, DateTimeOffset At, TimeSpan Pause, string Error);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = 16)]
[JsonSerializable(typeof(DirectoryDocument))]
[JsonSerializable(typeof(OrderDocument))]
[JsonSerializable(typeof(AuthorizationDocument))]
[JsonSerializable(typeof(ProblemDocument))]
[JsonSerializable(typeof(RenewalDocument))]
[JsonSerializable(typeof(NewAccountRequest))]
[JsonSerializable(typeof(ContactRequest))]
[JsonSerializable(typeof(NewOrderRequest))]
[JsonSerializable(typeof(FinalizeRequest))]
[JsonSerializable(typeof(KeptAccount))]
[JsonSerializable(typeof(KeptOrder))]
[JsonSerializable(typeof(KeptTries))]
internal sealed partial class AcmeJson : JsonSerializerContext;

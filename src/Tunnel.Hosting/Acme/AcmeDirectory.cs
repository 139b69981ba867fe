using System.Text.Json;

namespace Tunnel.Hosting.Acme;

/// <summary>Where a CA takes what, and on which terms (RFC 8555 section 7.1.1).</summary>
public sealed record AcmeDirectory
{
    public required Uri NewNonce { get; init; }

    public required Uri NewAccount { get; init; }

    public required Uri NewOrder { get; init; }

    /// <summary>RFC 9773; null: the CA does not say when to renew.</summary>
    public Uri? RenewalInfo { get; init; }

    /// <summary>The address of the CA's terms, printable; null: it has none.</summary>
    public string? Terms { get; init; }

    /// <summary>Only who has an account there already is let in.</summary>
    public bool NeedsExternalAccount { get; init; }

    /// <summary>The kinds of certificates it offers by name.</summary>
    public IReadOnlyList<string> Profiles { get; init; } = [];

    /// <summary>Reads the document.</summary>
    /// <param name="urls">Which of its addresses are followed.</param>
    /// <exception cref="AcmeException">It is none.</exception>
    public static AcmeDirectory Read(ReadOnlySpan<byte> json, UrlRule urls)
    {
        DirectoryDocument document;
        try
        {
            document = JsonSerializer.Deserialize(json, AcmeJson.Default.DirectoryDocument) ?? throw new JsonException();
        }
        catch (JsonException error)
        {
            throw new AcmeException(AcmeFault.Nonsense, "What is at the address of the directory is not an ACME directory.", inner: error);
        }

        string? terms = document.Meta?.TermsOfService;
        return new AcmeDirectory
        {
            NewNonce = urls.Require(document.NewNonce, "newNonce"),
            NewAccount = urls.Require(document.NewAccount, "newAccount"),
            NewOrder = urls.Require(document.NewOrder, "newOrder"),
            RenewalInfo = urls.Find(document.RenewalInfo),
            Terms = terms is null ? null : Printable.Of(terms),
            NeedsExternalAccount = document.Meta?.ExternalAccountRequired == true,
            Profiles = [.. (document.Meta?.Profiles?.Keys ?? []).Take(32).Select(Printable.Of)],
        };
    }
}

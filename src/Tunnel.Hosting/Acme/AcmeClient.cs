using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Tunnel.Hosting.Acme;

/// <summary>One account at a CA and what is asked with it (RFC 8555 section 7). Every method throws <see cref="AcmeException"/> when no good answer came.</summary>
/// <param name="account">Its address; null: it has to be made or found with <see cref="RegisterAsync"/> first.</param>
public sealed class AcmeClient(AcmeConnection connection, AcmeDirectory directory, AccountKey key, Uri? account = null)
{
    private Uri? _account = account;

    public AcmeDirectory Directory => directory;

    public AccountKey Key => key;

    public TimeProvider Time => connection.Time;

    public static async Task<AcmeDirectory> ReadDirectoryAsync(AcmeConnection connection, CancellationToken cancel) =>
        AcmeDirectory.Read((await connection.GetAsync(connection.DirectoryUrl, cancel)).Body, connection.Urls);

    /// <summary>Null: the CA has nothing to say of this certificate. Needs no account.</summary>
    public static async Task<RenewalInfo?> ReadRenewalAsync(AcmeConnection connection, AcmeDirectory directory, string certificateId, CancellationToken cancel)
    {
        if (directory.RenewalInfo is not { } at || connection.Urls.Find($"{at.AbsoluteUri.TrimEnd('/')}/{certificateId}") is not { } url)
        {
            return null;
        }

        AcmeAnswer answer = await connection.GetAsync(url, cancel);
        return RenewalInfo.Read(answer.Body, answer.RetryAfter);
    }

    /// <summary>Makes the account of this key; one that is there already is found again (section 7.3).</summary>
    /// <returns>Its address.</returns>
    public async Task<Uri> RegisterAsync(IReadOnlyList<string> contact, ExternalAccount? external, CancellationToken cancel)
    {
        JsonElement? binding = null;
        if (external is not null)
        {
            using var document = JsonDocument.Parse(key.Bind(directory.NewAccount, external));
            binding = document.RootElement.Clone();
        }

        var request = new NewAccountRequest(true, contact.Count == 0 ? null : contact, binding);
        AcmeAnswer answer = await connection.PostAsync(directory, directory.NewAccount, key, null, Json(request, AcmeJson.Default.NewAccountRequest), cancel);
        return _account = Location(answer, "account");
    }

    /// <summary>Tells the CA whom to write to.</summary>
    public async Task ChangeContactAsync(IReadOnlyList<string> contact, CancellationToken cancel) =>
        await PostAsync(Account, new ContactRequest(contact), AcmeJson.Default.ContactRequest, cancel);

    /// <param name="profile">The kind of certificate; null: the CA's usual one.</param>
    /// <param name="replaces">The certificate that this one comes after, by <see cref="RenewalInfo.IdOf"/>; null: none.</param>
    public async Task<AcmeOrder> OrderAsync(IReadOnlyList<string> names, string? profile, string? replaces, CancellationToken cancel)
    {
        var request = new NewOrderRequest([.. names.Select(static name => new IdentifierDocument("dns", name))], profile, replaces);
        AcmeAnswer answer = await PostAsync(directory.NewOrder, request, AcmeJson.Default.NewOrderRequest, cancel);
        return OrderOf(Location(answer, "order"), answer);
    }

    public async Task<AcmeOrder> ReadOrderAsync(Uri url, CancellationToken cancel) => OrderOf(url, await AskAsync(url, cancel));

    public async Task<AcmeAuthorization> ReadAuthorizationAsync(Uri url, CancellationToken cancel)
    {
        AcmeAnswer answer = await AskAsync(url, cancel);
        return AcmeAuthorization.Read(answer.Body, answer.RetryAfter, connection.Urls);
    }

    /// <summary>Says that the proof is in its place (section 7.5.1).</summary>
    public async Task AnswerAsync(AcmeChallenge challenge, CancellationToken cancel) =>
        await connection.PostAsync(directory, challenge.Url, key, Account, "{}"u8.ToArray(), cancel);

    /// <param name="request">A certificate request (RFC 2986), DER.</param>
    public async Task<AcmeOrder> FinalizeAsync(AcmeOrder order, byte[] request, CancellationToken cancel)
    {
        Uri url = order.Finalize ?? throw new AcmeException(AcmeFault.Nonsense, "The CA does not say where the order is finished.");
        return OrderOf(order.Url, await PostAsync(url, new FinalizeRequest(Base64Url.EncodeToString(request)), AcmeJson.Default.FinalizeRequest, cancel));
    }

    /// <returns>The chain in PEM, not looked at yet.</returns>
    public async Task<string> DownloadAsync(AcmeOrder order, CancellationToken cancel)
    {
        Uri url = order.Certificate ?? throw new AcmeException(AcmeFault.Nonsense, "The CA does not say where the certificate is.");
        return Encoding.Latin1.GetString((await AskAsync(url, cancel)).Body);
    }

    private Uri Account => _account ?? throw new InvalidOperationException("There is no account yet.");

    private static ReadOnlyMemory<byte> Json<T>(T request, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(request, type);

    private static Uri Location(AcmeAnswer answer, string what) =>
        answer.Location ?? throw new AcmeException(AcmeFault.Nonsense, $"The CA does not say where the {what} is.");

    private AcmeOrder OrderOf(Uri url, AcmeAnswer answer) => AcmeOrder.Read(url, answer.Body, answer.RetryAfter, connection.Urls);

    private Task<AcmeAnswer> AskAsync(Uri url, CancellationToken cancel) =>
        connection.PostAsync(directory, url, key, Account, ReadOnlyMemory<byte>.Empty, cancel);

    private Task<AcmeAnswer> PostAsync<T>(Uri url, T request, JsonTypeInfo<T> type, CancellationToken cancel) =>
        connection.PostAsync(directory, url, key, Account, Json(request, type), cancel);
}

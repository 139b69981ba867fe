using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Tunnel.Hosting.Acme;

/// <summary>
/// Requests to a CA and its answers: signed, each with a nonce of its own, bounded in size and time, redirects not followed
/// (RFC 8555 section 6). What the CA says is read as if it were hostile. Safe from any thread.
/// </summary>
/// <param name="program">Names us to the CA, as RFC 8555 section 6.1 asks: <c>tunnel-server/0.1.0</c>.</param>
/// <param name="authorities">Whom to trust for the CA's own HTTPS; null: whom the system trusts.</param>
public sealed class AcmeConnection(Uri directory, string program, X509Certificate2Collection? authorities, TimeProvider time) : IDisposable
{
    /// <summary>Of an answer; a chain of certificates has a few thousand.</summary>
    public const int MostBytes = 256 * 1024;

    private const int MostNonces = 8;

    // Half of all nonces may be refused, and an order of a dozen requests still comes about.
    private const int MostTries = 20;

    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(30);

    private readonly HttpClient _http = ClientOf(program, authorities);
    private readonly ConcurrentBag<string> _nonces = [];

    public Uri DirectoryUrl => directory;

    public TimeProvider Time => time;

    internal UrlRule Urls { get; } = new(directory);

    /// <exception cref="AcmeException">No good answer came.</exception>
    internal async Task<AcmeAnswer> GetAsync(Uri url, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        return Require(await SendAsync(request, cancel));
    }

    /// <summary>Posts a signed request; one whose nonce is refused is sent again (RFC 8555 section 6.5).</summary>
    /// <param name="payload">Empty: POST-as-GET.</param>
    /// <exception cref="AcmeException">No good answer came.</exception>
    internal async Task<AcmeAnswer> PostAsync(AcmeDirectory at, Uri url, AccountKey key, Uri? account, ReadOnlyMemory<byte> payload, CancellationToken cancel)
    {
        for (int tries = 1; ; tries++)
        {
            string nonce = _nonces.TryTake(out string? kept) ? kept : await NonceAsync(at, cancel);
            using var request = new HttpRequestMessage(HttpMethod.Post, url);
            request.Content = new ByteArrayContent(key.Sign(url, nonce, account, payload.Span));
            request.Content.Headers.ContentType = new("application/jose+json");
            AcmeAnswer answer = await SendAsync(request, cancel);
            if (answer.Problem?.Type != "badNonce" || tries == MostTries)
            {
                return Require(answer);
            }
        }
    }

    public void Dispose() => _http.Dispose();

    private static AcmeAnswer Require(AcmeAnswer answer)
    {
        if ((int)answer.Status is >= 200 and < 300)
        {
            return answer;
        }

        string status = $"HTTP status {(int)answer.Status}";
        if (answer.Problem is { } problem)
        {
            throw new AcmeException(AcmeFault.Refused, $"The CA refused: {problem}", problem, answer.RetryAfter);
        }

        throw (int)answer.Status >= 500 || answer.Status == HttpStatusCode.TooManyRequests
            ? new AcmeException(AcmeFault.Unreachable, $"The CA is in trouble: it answered with {status}.", retryAfter: answer.RetryAfter)
            : new AcmeException(AcmeFault.Nonsense, $"The CA answered with {status}, and does not say why.");
    }

    private async Task<string> NonceAsync(AcmeDirectory at, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, at.NewNonce);
        Require(await SendAsync(request, cancel));
        return _nonces.TryTake(out string? nonce) ? nonce : throw new AcmeException(AcmeFault.Nonsense, "The CA gives no nonce.");
    }

    private async Task<AcmeAnswer> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(AnswerTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            KeepNonce(response);
            byte[] body = await ReadAsync(response, either.Token);
            return new AcmeAnswer(response.StatusCode, body)
            {
                // A relative one is allowed by HTTP, and no CA sends it.
                Location = Urls.Find(response.Headers.Location?.OriginalString),
                RetryAfter = RetryAfter.Read(response.Headers.NonValidated.TryGetValues("Retry-After", out var value) ? value.ToString() : null, time.GetUtcNow()),
            };
        }
        catch (HttpRequestException error) when (error.HttpRequestError == HttpRequestError.SecureConnectionError)
        {
            throw new AcmeException(
                AcmeFault.NotTrusted, $"The certificate of {Printable.Of(request.RequestUri!.Authority)} is not trusted, or no TLS came about: {Printable.Of(error.InnerException?.Message ?? error.Message)}", inner: error);
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            throw new AcmeException(AcmeFault.Unreachable, $"{Printable.Of(request.RequestUri!.Authority)} cannot be reached: {Printable.Of(error.Message)}", inner: error);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new AcmeException(AcmeFault.Unreachable, $"{Printable.Of(request.RequestUri!.Authority)} did not answer within {AnswerTime.TotalSeconds:0} s.");
        }
    }

    private static async Task<byte[]> ReadAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        await using Stream stream = await response.Content.ReadAsStreamAsync(cancel);
        using var body = new MemoryStream();
        byte[] piece = new byte[8192];
        while (await stream.ReadAsync(piece, cancel) is > 0 and int read)
        {
            await body.WriteAsync(piece.AsMemory(0, read), cancel);
            if (body.Length > MostBytes)
            {
                throw new AcmeException(AcmeFault.Nonsense, $"The CA's answer is larger than {MostBytes} bytes.");
            }
        }

        return body.ToArray();
    }

    // Base64url alone, as RFC 8555 section 6.5.1 has it.
    private void KeepNonce(HttpResponseMessage response)
    {
        string? nonce = response.Headers.NonValidated.TryGetValues("Replay-Nonce", out var value) ? value.ToString() : null;
        if (nonce is { Length: > 0 and <= 512 } && nonce.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') && _nonces.Count < MostNonces)
        {
            _nonces.Add(nonce);
        }
    }

    private static HttpClient ClientOf(string program, X509Certificate2Collection? authorities)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            MaxResponseHeadersLength = 32,
            MaxConnectionsPerServer = 4,
            ConnectTimeout = AnswerTime,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
        };
        if (authorities is not null)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.AddRange(authorities);
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
        }

        var client = new HttpClient(handler, disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.ParseAdd(program);
        return client;
    }
}

/// <summary>An answer of a CA, whole.</summary>
internal sealed record AcmeAnswer(HttpStatusCode Status, byte[] Body)
{
    public Uri? Location { get; init; }

    public TimeSpan? RetryAfter { get; init; }

    /// <summary>What it says is wrong; null: nothing, or it does not say.</summary>
    public AcmeProblem? Problem => (int)Status >= 400 ? AcmeProblem.Read(Body) : null;
}

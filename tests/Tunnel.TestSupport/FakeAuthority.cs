using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Tunnel.TestSupport;

/// <summary>
/// An ACME CA (RFC 8555, RFC 9773) on loopback that counts what it is asked and fails as a test says: for what pebble does not have (limits,
/// windows for renewal, short lifetimes), and to break off at every single request. Proofs are taken on trust, unless a test judges them.
/// </summary>
public sealed class FakeAuthority : IAsyncDisposable
{
    private const string Space = "urn:ietf:params:acme:error:";

    private readonly HttpListener _listener = new();
    private readonly TestAuthority _authority = new();
    private readonly ConcurrentDictionary<string, byte> _nonces = new();
    private readonly ConcurrentDictionary<string, string> _accounts = new();
    private readonly ConcurrentDictionary<string, Order> _orders = new();
    private readonly Task _loop;
    private int _requests;

    public FakeAuthority()
    {
        Base = $"http://127.0.0.1:{FreePort.Find()}";
        _listener.Prefixes.Add(Base + "/");
        _listener.Start();
        _loop = RunAsync();
    }

    public string Base { get; }

    public Uri Directory => new(Base + "/dir");

    public X509Certificate2 Root => _authority.Certificate;

    public Func<DateTimeOffset> Now { get; set; } = TimeProvider.System.GetUtcNow;

    public TimeSpan Lifetime { get; set; } = TimeSpan.FromDays(90);

    /// <summary>Accounts made, orders taken, certificates made.</summary>
    public int Accounts => _accounts.Count;

    public int Orders => _orders.Count;

    public int Certificates => _orders.Values.Count(static order => order.Pem is not null);

    public int Requests => _requests;

    /// <summary>Certificates that later ones said they replace.</summary>
    public ConcurrentQueue<string> Replaced { get; } = new();

    /// <summary>Profiles that orders asked for.</summary>
    public ConcurrentQueue<string> Profiles { get; } = new();

    /// <summary>When certificates are to be renewed; null: it does not say.</summary>
    public (DateTimeOffset Start, DateTimeOffset End)? Window { get; set; }

    /// <summary>Asked before a request is answered: its number from 1 on, and its path. An answer here is given instead.</summary>
    public Func<int, string, Refusal?> Refuse { get; set; } = static (_, _) => null;

    /// <summary>Asked when a request has had its effect: true, and the answer is lost on its way; somebody between says so.</summary>
    public Func<int, bool> Loses { get; set; } = static _ => false;

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _loop;
        _listener.Close();
        _authority.Dispose();
    }

    private async Task RunAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception error) when (error is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            int number = Interlocked.Increment(ref _requests);
            try
            {
                Answer(context, number);
            }
            catch (Exception error) when (error is HttpListenerException or IOException or ObjectDisposedException)
            {
                // Whoever asked is gone.
            }
        }
    }

    private void Answer(HttpListenerContext context, int number)
    {
        string path = context.Request.Url!.AbsolutePath;
        string nonce = Convert.ToHexString(RandomNumberGenerator.GetBytes(8));
        _nonces[nonce] = 0;
        context.Response.Headers["Replay-Nonce"] = nonce;
        if (Refuse(number, path) is { } refusal)
        {
            if (refusal.RetryAfter is { } after)
            {
                context.Response.Headers["Retry-After"] = after;
            }

            Write(context, refusal.Status, refusal.Body);
            return;
        }

        (int status, string body) = path switch
        {
            "/dir" => (200, DirectoryText()),
            "/nonce" => (200, ""),
            _ when path.StartsWith("/ari/", StringComparison.Ordinal) => Renewal(),
            _ => Post(context, path),
        };
        if (Loses(number))
        {
            (status, body) = (502, "");
        }

        Write(context, status, body);
    }

    private static void Write(HttpListenerContext context, int status, string body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = status >= 400 ? "application/problem+json" : "application/json";
        byte[] bytes = context.Request.HttpMethod == "HEAD" ? [] : Encoding.UTF8.GetBytes(body);
        context.Response.Close(bytes, willBlock: true);
    }

    private string DirectoryText() => $$"""
        {"newNonce":"{{Base}}/nonce","newAccount":"{{Base}}/account","newOrder":"{{Base}}/order","revokeCert":"{{Base}}/revoke",
         "renewalInfo":"{{Base}}/ari","meta":{"termsOfService":"{{Base}}/terms","profiles":{"classic":"usual","shortlived":"six days"} }, "unknown":[1,{}] }
        """;

    private (int Status, string Body) Renewal() => Window is { } window
        ? (200, $$"""{ "suggestedWindow": { "start": "{{window.Start:yyyy-MM-ddTHH:mm:ssZ}}", "end": "{{window.End:yyyy-MM-ddTHH:mm:ssZ}}" }, "explanationURL": "{{Base}}/why" }""")
        : Problem(404, "malformed", "No such certificate.");

    private (int Status, string Body) Post(HttpListenerContext context, string path)
    {
        using var reader = new StreamReader(context.Request.InputStream);
        JsonNode jws = JsonNode.Parse(reader.ReadToEnd())!;
        JsonNode head = JsonNode.Parse(Decoded(jws["protected"]))!;
        if (!_nonces.TryRemove((string)head["nonce"]!, out _))
        {
            return Problem(400, "badNonce", "Used before.");
        }

        string account = Account(head, out string key);
        if (!IsSigned(jws, key) || (string)head["url"]! != context.Request.Url!.AbsoluteUri)
        {
            return Problem(401, "unauthorized", "Not signed by the account.");
        }

        string payload = Decoded(jws["payload"]);
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts switch
        {
            ["account"] => NewAccount(context, key),
            _ when account.Length == 0 => Problem(400, "accountDoesNotExist", "No such account."),
            ["account", _] => (200, """{"status":"valid"}"""),
            ["order"] => NewOrder(context, payload),
            [_, string id, ..] when _orders.TryGetValue(id, out Order? order) => Of(order, parts[0], payload),
            _ => Problem(404, "malformed", "No such thing."),
        };
    }

    private string Account(JsonNode head, out string key)
    {
        if (head["jwk"] is { } jwk)
        {
            key = jwk.ToJsonString();
            return _accounts.ContainsKey(key) ? key : "";
        }

        string kid = (string)head["kid"]!;
        key = _accounts.FirstOrDefault(account => account.Value == kid).Key ?? "";
        return key;
    }

    private (int Status, string Body) NewAccount(HttpListenerContext context, string key)
    {
        context.Response.Headers["Location"] = _accounts.GetOrAdd(key, _ => $"{Base}/account/{_accounts.Count + 1}");
        return (201, """{"status":"valid"}""");
    }

    private (int Status, string Body) NewOrder(HttpListenerContext context, string payload)
    {
        JsonNode request = JsonNode.Parse(payload)!;
        if (request["replaces"] is { } replaces)
        {
            Replaced.Enqueue((string)replaces!);
        }

        if (request["profile"] is { } profile)
        {
            Profiles.Enqueue((string)profile!);
        }

        string id = Convert.ToHexString(RandomNumberGenerator.GetBytes(6));
        var order = new Order(id, [.. request["identifiers"]!.AsArray().Select(name => (string)name!["value"]!)]);
        _orders[id] = order;
        context.Response.Headers["Location"] = $"{Base}/orders/{id}";
        return (201, TextOf(order));
    }

    private (int Status, string Body) Of(Order order, string what, string payload)
    {
        switch (what)
        {
            case "authorization":
                return (200, Authorization(order));
            case "challenge":
                order.IsProved = true;
                return (200, Challenge(order));
            case "finalize" when order.Pem is not null:
                return Problem(403, "orderNotReady", "It is past that.");
            case "finalize":
                Issue(order, (string)JsonNode.Parse(payload)!["csr"]!);
                return (200, TextOf(order));
            case "certificate" when order.Pem is { } pem:
                return (200, pem);
            default:
                return (200, TextOf(order));
        }
    }

    private void Issue(Order order, string csr)
    {
        var request = CertificateRequest.LoadSigningRequest(
            Base64Url.DecodeFromChars(csr), HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Root, true, false));
        DateTimeOffset now = Now();
        using ECDsa key = Root.GetECDsaPrivateKey()!;
        using X509Certificate2 made = request.Create(
            Root.SubjectName, X509SignatureGenerator.CreateForECDsa(key), now, now + Lifetime, RandomNumberGenerator.GetBytes(8));
        order.Pem = made.ExportCertificatePem() + "\n" + Root.ExportCertificatePem() + "\n";
    }

    private string TextOf(Order order) => $$"""
        {"status":"{{(order.Pem is not null ? "valid" : order.IsProved ? "ready" : "pending")}}","authorizations":["{{Base}}/authorization/{{order.Id}}"],
         "finalize":"{{Base}}/finalize/{{order.Id}}"{{(order.Pem is null ? "" : $",\"certificate\":\"{Base}/certificate/{order.Id}\"")}} }
        """;

    private string Authorization(Order order) => $$"""
        {"status":"{{(order.IsProved ? "valid" : "pending")}}","identifier":{"type":"dns","value":"{{order.Names[0]}}"},"challenges":[{"type":"odd-01"},{{Challenge(order)}}]}
        """;

    private string Challenge(Order order) => $$"""
        {"type":"http-01","url":"{{Base}}/challenge/{{order.Id}}","token":"{{order.Id}}","status":"{{(order.IsProved ? "valid" : "pending")}}"}
        """;

    private static (int Status, string Body) Problem(int status, string type, string detail) => (status, Refusal.Of(status, type, detail).Body);

    private static string Decoded(JsonNode? text) => Encoding.UTF8.GetString(Base64Url.DecodeFromChars((string)text!));

    private static bool IsSigned(JsonNode jws, string key)
    {
        if (key.Length == 0)
        {
            return true;
        }

        JsonNode jwk = JsonNode.Parse(key)!;
        using var verifier = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = Base64Url.DecodeFromChars((string)jwk["x"]!), Y = Base64Url.DecodeFromChars((string)jwk["y"]!) },
        });
        return verifier.VerifyData(
            Encoding.ASCII.GetBytes($"{jws["protected"]}.{jws["payload"]}"), Base64Url.DecodeFromChars((string)jws["signature"]!), HashAlgorithmName.SHA256);
    }

    private sealed class Order(string id, string[] names)
    {
        public string Id => id;

        public string[] Names => names;

        public bool IsProved { get; set; }

        public string? Pem { get; set; }
    }

    /// <summary>An answer that is given instead of the right one.</summary>
    /// <param name="RetryAfter">The field as it is sent; null: none.</param>
    public sealed record Refusal(int Status, string Body, string? RetryAfter = null)
    {
        public static Refusal Of(int status, string type, string detail, string? retryAfter = null) =>
            new(status, JsonSerializer.Serialize(new { type = Space + type, detail, status }), retryAfter);
    }
}

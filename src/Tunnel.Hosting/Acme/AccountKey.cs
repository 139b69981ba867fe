using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Tunnel.Hosting.Acme;

/// <summary>The key of an account, on P-256, and what it signs (RFC 8555 section 6.2, RFC 7515). Disposed of by whoever made it.</summary>
public sealed class AccountKey : IDisposable
{
    private readonly ECDsa _key;
    private readonly string _publicKey;

    private AccountKey(ECDsa key)
    {
        _key = key;
        ECParameters parameters = key.ExportParameters(includePrivateParameters: false);

        // The order of the members is that of RFC 7638 section 3, so that this text is also what the thumbprint is of.
        _publicKey = $$"""{"crv":"P-256","kty":"EC","x":"{{Base64Url.EncodeToString(parameters.Q.X)}}","y":"{{Base64Url.EncodeToString(parameters.Q.Y)}}"}""";
        Thumbprint = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(_publicKey)));
    }

    /// <summary>RFC 7638.</summary>
    public string Thumbprint { get; }

    public static AccountKey New() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <exception cref="CryptographicException">It is not a key on P-256.</exception>
    /// <exception cref="ArgumentException">It is not PEM.</exception>
    public static AccountKey FromPem(string pem)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(pem);
            if (key.KeySize != 256 || key.ExportParameters(includePrivateParameters: false).Curve.Oid.Value != "1.2.840.10045.3.1.7")
            {
                throw new CryptographicException("It is not a key on the curve P-256.");
            }

            return new AccountKey(key);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    public string ExportPem() => _key.ExportPkcs8PrivateKeyPem();

    /// <summary>What proves that whoever has this key wanted the challenge answered (RFC 8555 section 8.1).</summary>
    public string AuthorizationFor(string token) => $"{token}.{Thumbprint}";

    /// <summary>A request as it is posted.</summary>
    /// <param name="account">Null: the key itself names the account, as before there is one.</param>
    internal byte[] Sign(Uri url, string nonce, Uri? account, ReadOnlySpan<byte> payload)
    {
        byte[] head = Header("ES256", writer =>
        {
            writer.WriteString("nonce", nonce);
            writer.WriteString("url", url.AbsoluteUri);
            if (account is null)
            {
                writer.WritePropertyName("jwk");
                writer.WriteRawValue(_publicKey);
            }
            else
            {
                writer.WriteString("kid", account.AbsoluteUri);
            }
        });
        return Whole(head, payload, signed => _key.SignData(signed, HashAlgorithmName.SHA256));
    }

    /// <summary>Binds this key to an account that the CA knows from elsewhere (RFC 8555 section 7.3.4).</summary>
    internal byte[] Bind(Uri newAccount, ExternalAccount external)
    {
        byte[] head = Header("HS256", writer =>
        {
            writer.WriteString("kid", external.KeyId);
            writer.WriteString("url", newAccount.AbsoluteUri);
        });
        return Whole(head, Encoding.ASCII.GetBytes(_publicKey), signed => HMACSHA256.HashData(external.Key.Span, signed));
    }

    public void Dispose() => _key.Dispose();

    private static byte[] Header(string algorithm, Action<Utf8JsonWriter> write) => Json(writer =>
    {
        writer.WriteString("alg", algorithm);
        write(writer);
    });

    private static byte[] Whole(byte[] head, ReadOnlySpan<byte> payload, Func<byte[], byte[]> sign)
    {
        string protectedHead = Base64Url.EncodeToString(head);
        string content = Base64Url.EncodeToString(payload);
        byte[] signature = sign(Encoding.ASCII.GetBytes($"{protectedHead}.{content}"));
        return Json(writer =>
        {
            writer.WriteString("protected", protectedHead);
            writer.WriteString("payload", content);
            writer.WriteString("signature", Base64Url.EncodeToString(signature));
        });
    }

    private static byte[] Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}

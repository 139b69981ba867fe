using System.Buffers.Text;

namespace Tunnel.Hosting.Acme;

/// <summary>An account that somebody has at a CA already, by which it lets in (RFC 8555 section 7.3.4).</summary>
/// <param name="Key">Of the HMAC; never shown.</param>
public sealed record ExternalAccount(string KeyId, ReadOnlyMemory<byte> Key)
{
    /// <summary>Reads <c>KEYID:KEY</c>, the key in base64url as CAs give it out; null: it is not that.</summary>
    public static ExternalAccount? Read(string text)
    {
        int colon = text.LastIndexOf(':');
        string key = text[(colon + 1)..].TrimEnd('=').Replace('+', '-').Replace('/', '_');
        return colon > 0 && text.Length <= 2048 && key.Length > 0 && Base64Url.IsValid(key)
            ? new ExternalAccount(text[..colon], Base64Url.DecodeFromChars(key))
            : null;
    }

    /// <summary>Without the key.</summary>
    public override string ToString() => KeyId;
}

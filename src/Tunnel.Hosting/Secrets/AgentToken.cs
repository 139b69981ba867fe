using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Tunnel.Hosting.Secrets;

/// <summary>
/// The one string that is copied from server to agent: where the server is, which key it shows, and who the agent is. It
/// gives authentication both ways (docs/security.md).
/// </summary>
/// <remarks>
/// <c>tunnel1_</c> and base64url of: flags (bit 0: a pin follows) · id, 8 bytes · secret, 32 bytes · pin, 0 or 32 bytes · the
/// server's address, ASCII · 4 bytes of SHA-256 over all that stands before them, prefix included.
/// </remarks>
public sealed class AgentToken
{
    public const string Prefix = "tunnel1_";

    /// <summary>Bytes of a secret: more than anybody can try.</summary>
    public const int SecretSize = 32;

    public const int IdSize = 8;

    public const int PinSize = 32;

    private const int ChecksumSize = 4;
    private const int MostText = 1024;
    private const byte HasPin = 1;

    private readonly byte[] _secret;

    /// <param name="id">16 lower-case hex digits.</param>
    /// <param name="secret">32 bytes.</param>
    /// <param name="pin">SHA-256 over the SubjectPublicKeyInfo of the server's key; null: the server shows a certificate that authorities vouch for.</param>
    /// <param name="server">HOST or HOST:PORT, as an agent dials it.</param>
    public AgentToken(string id, byte[] secret, byte[]? pin, string server)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(id.Length, IdSize * 2);
        ArgumentOutOfRangeException.ThrowIfNotEqual(secret.Length, SecretSize);
        ArgumentOutOfRangeException.ThrowIfNotEqual(pin?.Length ?? PinSize, PinSize);
        Id = id;
        _secret = secret;
        Pin = pin;
        Server = server;
    }

    /// <summary>Names the token; not secret.</summary>
    public string Id { get; }

    public byte[]? Pin { get; }

    /// <summary>HOST or HOST:PORT.</summary>
    public string Server { get; }

    /// <summary>What HELLO carries: the id, a dot, and the secret as base64url.</summary>
    public string Credential => $"{Id}.{Base64Url.EncodeToString(_secret)}";

    /// <summary>The whole string, secret included.</summary>
    public string Reveal()
    {
        byte[] server = Encoding.ASCII.GetBytes(Server);
        byte[] body = [(byte)(Pin is null ? 0 : HasPin), .. Convert.FromHexString(Id), .. _secret, .. Pin ?? [], .. server];
        return Prefix + Base64Url.EncodeToString([.. body, .. Checksum(body)]);
    }

    /// <summary>Reads what a person pasted; white space that a terminal put in between is forgiven.</summary>
    /// <returns>Null, with the fault as a sentence that never quotes the text.</returns>
    public static AgentToken? Parse(string text, out string fault)
    {
        if (text.Length > MostText)
        {
            fault = "That is too long for a token.";
            return null;
        }

        string plain = string.Concat(text.Where(c => !char.IsWhiteSpace(c)));
        fault = plain switch
        {
            "" => "The token is empty.",
            _ when plain.StartsWith(Prefix, StringComparison.Ordinal) => "",
            _ when IsOfOtherVersion(plain) => "The token is of another version; update tunnel-agent.",
            _ => $"That is not a token: one begins with {Prefix} and is printed by 'tunnel-server token create'.",
        };
        return fault.Length > 0 ? null : ParseBody(plain[Prefix.Length..], out fault);
    }

    /// <summary>For logs: the id alone.</summary>
    public override string ToString() => $"token {Id}";

    private static AgentToken? ParseBody(string encoded, out string fault)
    {
        fault = "The token is damaged: it was not copied whole. Copy it again, from its first to its last character.";
        byte[] bytes = Base64Url.IsValid(encoded) ? Base64Url.DecodeFromChars(encoded) : [];
        if (bytes.Length <= ChecksumSize)
        {
            return null;
        }

        Span<byte> body = bytes.AsSpan(0, bytes.Length - ChecksumSize);
        if (!Checksum(body).AsSpan().SequenceEqual(bytes.AsSpan(body.Length, ChecksumSize)))
        {
            return null;
        }

        // Whole, so what is wrong from here on is not the copying.
        fault = "The token cannot be read; update tunnel-agent.";
        int pinSize = (body[0] & HasPin) == 0 ? 0 : PinSize;
        int fixedSize = 1 + IdSize + SecretSize + pinSize;
        if ((body[0] & ~HasPin) != 0 || body.Length <= fixedSize || body[fixedSize..].ContainsAnyExceptInRange((byte)'!', (byte)'~'))
        {
            return null;
        }

        fault = "";
        return new AgentToken(
            Convert.ToHexStringLower(body.Slice(1, IdSize)),
            body.Slice(1 + IdSize, SecretSize).ToArray(),
            pinSize == 0 ? null : body.Slice(1 + IdSize + SecretSize, PinSize).ToArray(),
            Encoding.ASCII.GetString(body[fixedSize..]));
    }

    private static bool IsOfOtherVersion(string text) =>
        text.StartsWith("tunnel", StringComparison.Ordinal)
        && text.IndexOf('_', StringComparison.Ordinal) is > 6 and int end
        && !text.AsSpan(6, end - 6).ContainsAnyExceptInRange('0', '9');

    private static byte[] Checksum(ReadOnlySpan<byte> body)
    {
        byte[] hash = SHA256.HashData([.. Encoding.ASCII.GetBytes(Prefix), .. body]);
        return hash[..ChecksumSize];
    }
}

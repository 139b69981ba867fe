using System.Buffers.Text;
using System.Text;
using System.Text.Unicode;

namespace Tunnel.Server.Guards;

/// <summary>What an Authorization field of the Basic scheme says (RFC 7617).</summary>
internal readonly record struct BasicCredentials(string User, string Password)
{
    private const int MostBytes = 1024;

    /// <summary>False when the field is of another scheme or cannot be read.</summary>
    public static bool TryParse(ReadOnlySpan<byte> field, out BasicCredentials credentials)
    {
        ReadOnlySpan<byte> scheme = "Basic "u8;
        credentials = default;
        if (field.Length <= scheme.Length || field.Length > MostBytes || !Ascii.EqualsIgnoreCase(field[..scheme.Length], scheme))
        {
            return false;
        }

        ReadOnlySpan<byte> encoded = field[scheme.Length..].Trim((byte)' ');
        byte[] decoded = new byte[Base64.GetMaxDecodedFromUtf8Length(encoded.Length)];
        if (encoded.ContainsAny(" \t\r\n"u8) || Base64.DecodeFromUtf8(encoded, decoded, out _, out int written) != System.Buffers.OperationStatus.Done)
        {
            return false;
        }

        ReadOnlySpan<byte> text = decoded.AsSpan(0, written);
        int colon = text.IndexOf((byte)':');
        if (colon < 0 || text.ContainsAnyInRange((byte)0, (byte)0x1F) || !Utf8.IsValid(text))
        {
            return false;
        }

        credentials = new BasicCredentials(Encoding.UTF8.GetString(text[..colon]), Encoding.UTF8.GetString(text[(colon + 1)..]));
        return true;
    }

    /// <summary>Not for logs.</summary>
    public override string ToString() => "credentials";
}

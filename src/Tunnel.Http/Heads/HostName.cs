using System.Buffers;
using System.Net;

namespace Tunnel.Http.Heads;

/// <summary>
/// The syntax of <c>uri-host [":" port]</c> (RFC 9110 section 7.2), narrowed to what has one reading: letters, digits,
/// <c>-</c> and <c>_</c> in dot-separated labels (one final dot is allowed), or an IPv6 literal in brackets without a zone.
/// Percent-escapes, user information and ports with leading zeros are refused. An empty port is none (RFC 3986
/// section 6.2.3).
/// </summary>
public static class HostName
{
    private const int MaxNameLength = 255;
    private const int MaxLabelLength = 63;

    private static readonly SearchValues<byte> LabelBytes =
        SearchValues.Create("-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private static readonly SearchValues<byte> AddressBytes = SearchValues.Create("0123456789ABCDEFabcdef:."u8);

    /// <summary>Judges an authority.</summary>
    /// <param name="authority">A host with or without a port.</param>
    /// <param name="nameLength">How many leading bytes are the host: brackets included, a final dot and the port not.</param>
    /// <param name="port">1 to 65535, or null when the authority names none.</param>
    public static bool TryParse(ReadOnlySpan<byte> authority, out int nameLength, out int? port)
    {
        nameLength = 0;
        port = null;
        if (authority.IsEmpty)
        {
            return false;
        }

        var end = authority[0] == '[' ? authority.IndexOf((byte)']') + 1 : authority.IndexOf((byte)':');
        end = end < 0 ? authority.Length : end;
        var name = authority[..end];
        if (!(authority[0] == '[' ? IsAddress(name) : IsName(ref name)) || !TryParsePort(authority[end..], out port))
        {
            return false;
        }

        nameLength = name.Length;
        return true;
    }

    private static bool IsName(ref ReadOnlySpan<byte> name)
    {
        if (name.Length > 0 && name[^1] == '.')
        {
            name = name[..^1];
        }

        if (name.Length is 0 or > MaxNameLength)
        {
            return false;
        }

        var rest = name;
        while (true)
        {
            var dot = rest.IndexOf((byte)'.');
            var label = dot < 0 ? rest : rest[..dot];
            if (label.Length is 0 or > MaxLabelLength || label.ContainsAnyExcept(LabelBytes))
            {
                return false;
            }

            if (dot < 0)
            {
                return true;
            }

            rest = rest[(dot + 1)..];
        }
    }

    private static bool IsAddress(ReadOnlySpan<byte> literal) =>
        literal.Length >= 4
        && !literal[1..^1].ContainsAnyExcept(AddressBytes)
        && literal.Contains((byte)':')
        && IPAddress.IsValidUtf8(literal[1..^1]);

    private static bool TryParsePort(ReadOnlySpan<byte> text, out int? port)
    {
        port = null;
        if (text.IsEmpty || text.SequenceEqual(":"u8))
        {
            return true;
        }

        if (text[0] != ':' || text.Length is < 2 or > 6 || text[1] == '0')
        {
            return false;
        }

        var number = 0;
        foreach (var digit in text[1..])
        {
            if (!char.IsAsciiDigit((char)digit))
            {
                return false;
            }

            number = (number * 10) + (digit - '0');
        }

        port = number;
        return number <= ushort.MaxValue;
    }
}

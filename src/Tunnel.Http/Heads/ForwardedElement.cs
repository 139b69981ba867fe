using System.Buffers;
using System.Text;

namespace Tunnel.Http.Heads;

/// <summary>One hop in Forwarded (RFC 7239 section 4): what the proxy that wrote it says of who came to it, and how.</summary>
/// <param name="Text">The element as it came.</param>
/// <param name="For">Who came: an address, maybe with a port, or a name that hides it.</param>
/// <param name="Host">The Host of the request.</param>
/// <param name="Proto">The scheme.</param>
public sealed record ForwardedElement(string Text, string? For, string? Host, string? Proto)
{
    /// <summary>More than any honest chain has; what stands left of them is not looked at.</summary>
    public const int Most = 32;

    /// <summary>
    /// What stands without quotes: tokens, and the brackets and colons of an address, which belong into quotes but mean
    /// nothing else without.
    /// </summary>
    private static readonly SearchValues<char> Unquoted =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz[]:");

    /// <summary>
    /// Reads the elements of all Forwarded fields of a head, the leftmost first. They are read from the right, where the last
    /// proxy wrote, and reading ends with the first that is none: a quotation mark that a stranger opened and left open is
    /// not to swallow what was written behind it.
    /// </summary>
    public static ForwardedElement[] ReadAll(HeaderList headers)
    {
        var lines = new List<string>();
        foreach (HeaderField field in headers)
        {
            if (field.Id == KnownHeader.Forwarded)
            {
                lines.Add(Encoding.Latin1.GetString(field.Value));
            }
        }

        // Several fields are one list (RFC 9110 section 5.3).
        string list = string.Join(',', lines);
        var elements = new List<ForwardedElement>();
        int end = list.Length;
        int start = end;
        for (int tries = 0; end > 0 && elements.Count < Most && tries < 2 * Most; tries++)
        {
            start = start == 0 ? -1 : list.LastIndexOf(',', start - 1);
            ReadOnlySpan<char> text = list.AsSpan()[(start + 1)..end].Trim(" \t");
            if (!text.IsEmpty && TryRead(text, out ForwardedElement element))
            {
                elements.Add(element);
                end = Math.Max(start, 0);
            }
            else if (text.IsEmpty)
            {
                // Lists may have empty members (RFC 9110 section 5.6.1).
                end = Math.Max(start, 0);
            }
            else if (start < 0)
            {
                break;
            }
        }

        elements.Reverse();
        return [.. elements];
    }

    /// <summary><c>[ pair ] *( ";" [ pair ] )</c>, no parameter twice.</summary>
    private static bool TryRead(ReadOnlySpan<char> text, out ForwardedElement element)
    {
        element = new ForwardedElement(text.ToString(), null, null, null);
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        while (!text.IsEmpty)
        {
            if (text[0] == ';')
            {
                text = text[1..];
                continue;
            }

            int equals = text.IndexOf('=');
            if (equals <= 0 || !IsToken(text[..equals]) || !seen.Add(text[..equals].ToString()) || !TryTakeValue(text[(equals + 1)..], out string value, out int length))
            {
                return false;
            }

            element = text[..equals] switch
            {
                var name when name.Equals("for", StringComparison.OrdinalIgnoreCase) => element with { For = value },
                var name when name.Equals("host", StringComparison.OrdinalIgnoreCase) => element with { Host = value },
                var name when name.Equals("proto", StringComparison.OrdinalIgnoreCase) => element with { Proto = value },
                _ => element,
            };
            text = text[(equals + 1 + length)..];
            if (!text.IsEmpty && text[0] != ';')
            {
                return false;
            }
        }

        return true;
    }

    // A token or a quoted string.
    private static bool TryTakeValue(ReadOnlySpan<char> text, out string value, out int length)
    {
        value = "";
        length = 0;
        if (text.IsEmpty || text[0] != '"')
        {
            length = text.IndexOf(';') is >= 0 and var next ? next : text.Length;
            value = text[..length].ToString();
            return length > 0 && !value.AsSpan().ContainsAnyExcept(Unquoted);
        }

        var content = new StringBuilder();
        for (int at = 1; at < text.Length; at++)
        {
            if (text[at] == '"')
            {
                value = content.ToString();
                length = at + 1;
                return true;
            }

            at += text[at] == '\\' ? 1 : 0;
            content.Append(at < text.Length ? text[at] : '"');
        }

        return false;
    }

    private static bool IsToken(ReadOnlySpan<char> text) => !text.ContainsAnyExcept(Unquoted) && !text.ContainsAny("[]:");
}

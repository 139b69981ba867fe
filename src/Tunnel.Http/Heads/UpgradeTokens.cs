using System.Text;

namespace Tunnel.Http.Heads;

/// <summary>
/// The protocols named in Upgrade fields (RFC 9110 section 7.8). Protocols that would turn the connection into another
/// HTTP or into TLS (<c>h2c</c>, <c>h2</c>, <c>HTTP/*</c>, <c>TLS/*</c>) are never offered onwards: what follows them
/// would pass unread.
/// </summary>
public static class UpgradeTokens
{
    /// <summary>
    /// Whether an answered protocol list names at least one protocol, and only ones that were wanted. Both are the
    /// <c>Upgrade</c> values of the heads. Names are compared without case.
    /// </summary>
    public static bool Confirms(ReadOnlySpan<byte> wanted, ReadOnlySpan<byte> answered)
    {
        if (wanted.IsEmpty || answered.IsEmpty)
        {
            return false;
        }

        foreach (var range in answered.Split((byte)','))
        {
            if (!Names(wanted, Octets.Trim(answered[range])))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Appends the acceptable protocols of a message to its page, as one list.</summary>
    internal static RejectReason Collect(HeaderList headers, out PageSlice tokens)
    {
        tokens = default;
        var members = headers.Members(KnownHeader.Upgrade);
        while (members.MoveNext())
        {
            if (!IsProtocol(members.Current))
            {
                return RejectReason.UpgradeInvalid;
            }

            if (IsRefused(members.Current))
            {
                continue;
            }

            if (tokens.Length > 0)
            {
                headers.Page.Append(", "u8);
            }

            // What is appended here lies in one piece: nothing else is appended in between.
            var copy = headers.Page.AppendCopy(members.CurrentSlice);
            tokens = tokens.Length == 0 ? copy : new PageSlice(tokens.Start, copy.End - tokens.Start);
        }

        return RejectReason.None;
    }

    private static bool Names(ReadOnlySpan<byte> list, ReadOnlySpan<byte> protocol)
    {
        foreach (var range in list.Split((byte)','))
        {
            if (Ascii.EqualsIgnoreCase(Octets.Trim(list[range]), protocol))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary><c>token ["/" token]</c>.</summary>
    private static bool IsProtocol(ReadOnlySpan<byte> member)
    {
        var slash = member.IndexOf((byte)'/');
        return slash < 0
            ? !member.ContainsAnyExcept(Octets.Token)
            : slash > 0 && slash < member.Length - 1
                && !member[..slash].ContainsAnyExcept(Octets.Token) && !member[(slash + 1)..].ContainsAnyExcept(Octets.Token);
    }

    private static bool IsRefused(ReadOnlySpan<byte> member)
    {
        var slash = member.IndexOf((byte)'/');
        var name = slash < 0 ? member : member[..slash];
        return Ascii.EqualsIgnoreCase(name, "h2c"u8) || Ascii.EqualsIgnoreCase(name, "h2"u8)
            || Ascii.EqualsIgnoreCase(name, "http"u8) || Ascii.EqualsIgnoreCase(name, "tls"u8);
    }
}

using System.Net;
using System.Net.Sockets;

namespace Tunnel.Framing.Frames;

/// <summary>
/// Addresses and networks as people and proxies write them, in the one reading they have: what some system takes for octal,
/// hexadecimal or an address of fewer than four parts is none, because another system takes it for another address.
/// </summary>
public static class NetworkText
{
    /// <summary>Bits before the IPv4 address in <c>::ffff:a.b.c.d</c>.</summary>
    private const int MappedPrefix = 96;

    /// <summary>Reads an address; one of IPv4 that is written as IPv6 comes out as what it is.</summary>
    public static bool TryReadAddress(ReadOnlySpan<char> text, out IPAddress address)
    {
        bool isAddress = IPAddress.TryParse(text, out IPAddress? parsed) && HasOneReading(text, parsed);
        address = parsed is { IsIPv4MappedToIPv6: true } ? parsed.MapToIPv4() : parsed ?? IPAddress.None;
        return isAddress;
    }

    /// <summary>
    /// Reads an address or a network like <c>10.0.0.0/8</c>. <c>::ffff:10.0.0.0/104</c> means the same: that is how a visitor
    /// of IPv4 shows on an IPv6 socket.
    /// </summary>
    public static bool TryReadNetwork(string text, out IPNetwork network)
    {
        network = default;
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!TryReadAddress(slash < 0 ? text : text.AsSpan(0, slash), out IPAddress address))
        {
            return false;
        }

        if (slash < 0)
        {
            network = new IPNetwork(address, address.GetAddressBytes().Length * 8);
            return true;
        }

        // A zero before the digits says nothing, but whoever writes one may have meant another base.
        if ((text.Length > slash + 2 && text[slash + 1] == '0') || !IPNetwork.TryParse(text, out IPNetwork parsed))
        {
            return false;
        }

        bool isMapped = parsed.BaseAddress.IsIPv4MappedToIPv6 && parsed.PrefixLength >= MappedPrefix;
        network = isMapped ? new IPNetwork(parsed.BaseAddress.MapToIPv4(), parsed.PrefixLength - MappedPrefix) : parsed;
        return true;
    }

    private static bool HasOneReading(ReadOnlySpan<char> text, IPAddress parsed)
    {
        // The dotted part of ::ffff:10.0.0.1 has the same forms that mislead.
        ReadOnlySpan<char> dotted = text[(text.LastIndexOf(':') + 1)..];
        return !text.ContainsAny('%', '[')
            && (parsed.AddressFamily != AddressFamily.InterNetwork || text.Count('.') == 3)
            && (!dotted.Contains('.') || !HasOddPart(dotted));
    }

    private static bool HasOddPart(ReadOnlySpan<char> dotted)
    {
        foreach (Range part in dotted.Split('.'))
        {
            ReadOnlySpan<char> digits = dotted[part];
            if (digits.Length is 0 or > 3 || (digits.Length > 1 && digits[0] == '0') || digits.ContainsAnyExceptInRange('0', '9'))
            {
                return true;
            }
        }

        return false;
    }
}

using System.Net;

namespace Tunnel.Server.Edge;

/// <summary>
/// The proxies whose word on the visitor counts (<c>--trusted-proxy</c>, DESIGN section 6). Everybody else's is thrown
/// away. Immutable.
/// </summary>
public sealed class TrustedProxies
{
    /// <summary>More hops than any honest chain has; what lies beyond them is not looked at.</summary>
    private const int MostHops = 32;

    private readonly IPNetwork[] _networks;

    private TrustedProxies(IPNetwork[] networks) => _networks = networks;

    /// <summary>Nobody is trusted.</summary>
    public static TrustedProxies None { get; } = new([]);

    public bool IsEmpty => _networks.Length == 0;

    /// <summary>Reads addresses and networks (<c>10.0.0.0/8</c>, <c>2001:db8::/32</c>, <c>192.0.2.1</c>), separated by commas.</summary>
    /// <exception cref="ArgumentException">One of them is neither; the message names it.</exception>
    public static TrustedProxies Parse(string? list)
    {
        if (string.IsNullOrWhiteSpace(list))
        {
            return None;
        }

        return new TrustedProxies([.. list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(ParseOne)]);
    }

    public bool Contains(IPAddress address)
    {
        IPAddress plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return Array.Exists(_networks, network => network.Contains(plain));
    }

    /// <summary>
    /// The visitor behind a trusted peer: the rightmost hop that is not trusted itself. A hop that cannot be read ends the
    /// walk, because what stands left of it was written by nobody we know; the last one that could be read is the answer.
    /// </summary>
    /// <param name="peer">The trusted proxy that is connected.</param>
    /// <param name="hops">The members of X-Forwarded-For, leftmost first, as received.</param>
    public IPAddress FindVisitor(IPAddress peer, ReadOnlySpan<string> hops)
    {
        IPAddress visitor = peer;
        int last = Math.Max(0, hops.Length - MostHops);
        for (int i = hops.Length - 1; i >= last && Contains(visitor); i--)
        {
            if (!TryReadHop(hops[i], out IPAddress? hop))
            {
                break;
            }

            visitor = hop;
        }

        return visitor;
    }

    /// <summary>Reads one hop: an address, with a port or brackets or quotes as various proxies write it.</summary>
    internal static bool TryReadHop(string text, out IPAddress hop)
    {
        ReadOnlySpan<char> address = text.AsSpan().Trim().Trim('"');
        if (address.StartsWith("[") && address.IndexOf(']') is > 0 and var close)
        {
            address = address[1..close];
        }
        else if (address.Count(':') == 1)
        {
            address = address[..address.IndexOf(':')];
        }

        bool isAddress = IPAddress.TryParse(address, out IPAddress? parsed) && IsWhole(address);
        hop = parsed is { IsIPv4MappedToIPv6: true } ? parsed.MapToIPv4() : parsed ?? IPAddress.None;
        return isAddress;
    }

    // The framework reads "1" and "1.2" as addresses too; no proxy means those.
    private static bool IsWhole(ReadOnlySpan<char> address) => address.Contains(':') || address.Count('.') == 3;

    private static IPNetwork ParseOne(string text)
    {
        if (IPNetwork.TryParse(text, out IPNetwork network))
        {
            return network;
        }

        return IPAddress.TryParse(text, out IPAddress? address) && IsWhole(text)
            ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
            : throw new ArgumentException($"--trusted-proxy: '{Hosting.Printable.Of(text)}' is not an address or a network like 10.0.0.0/8.");
    }
}

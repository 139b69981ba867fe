using System.Net;
using Tunnel.Framing.Frames;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// The proxies whose word on the visitor counts (<c>--trusted-proxy</c>). Everybody else's is thrown away. Immutable.
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

    /// <summary>What is wrong with a list that <see cref="Parse"/> is to read, as the end of a sentence; null: nothing.</summary>
    public static string? FindFault(string list) => Split(list).FirstOrDefault(text => !NetworkText.TryReadNetwork(text, out _)) is { } bad
        ? $"'{Hosting.Printable.Of(bad)}' is not an address or a network like 10.0.0.0/8, its numbers without leading zeros."
        : null;

    /// <summary>Reads addresses and networks (<c>10.0.0.0/8</c>, <c>2001:db8::/32</c>, <c>192.0.2.1</c>), separated by commas.</summary>
    /// <exception cref="ArgumentException">One of them is neither; the message names it.</exception>
    public static TrustedProxies Parse(string? list) => FindFault(list ?? "") is { } fault
        ? throw new ArgumentException($"--trusted-proxy: {fault}")
        : new TrustedProxies([.. Split(list ?? "").Select(text => NetworkText.TryReadNetwork(text, out IPNetwork network) ? network : default)]);

    private static string[] Split(string list) => list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    public bool Contains(IPAddress address)
    {
        // Every request asks, and most servers trust nobody.
        return !IsEmpty && ContainsPlain(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);
    }

    private bool ContainsPlain(IPAddress address) => Array.Exists(_networks, network => network.Contains(address));

    /// <summary>
    /// The visitor behind a trusted peer: the rightmost hop that is not trusted itself. A hop that cannot be read ends the
    /// walk, because what stands left of it was written by nobody we know; the last one that could be read is the answer.
    /// </summary>
    /// <param name="peer">The trusted proxy that is connected.</param>
    /// <param name="hops">What the proxies say of the hops before them, leftmost first, as received.</param>
    /// <param name="at">Which hop that is; <c>hops.Length</c>: the peer.</param>
    public IPAddress FindVisitor(IPAddress peer, ReadOnlySpan<string> hops, out int at)
    {
        IPAddress visitor = peer;
        int last = Math.Max(0, hops.Length - MostHops);
        at = hops.Length;
        while (at > last && Contains(visitor) && TryReadHop(hops[at - 1], out IPAddress hop))
        {
            visitor = hop;
            at--;
        }

        return visitor;
    }

    /// <summary>Reads one hop: an address, with a port or brackets or quotes as various proxies write it.</summary>
    private static bool TryReadHop(string text, out IPAddress hop)
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

        return NetworkText.TryReadAddress(address, out hop);
    }
}

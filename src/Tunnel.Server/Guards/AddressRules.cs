using System.Net;
using Tunnel.Framing.Frames;

namespace Tunnel.Server.Guards;

/// <summary>Which addresses a tunnel's visitors may come from. Immutable.</summary>
internal sealed class AddressRules
{
    private readonly IPNetwork[] _allow;
    private readonly IPNetwork[] _deny;

    /// <param name="allow">Addresses and networks; none: every address.</param>
    /// <param name="deny">These win over <paramref name="allow"/>.</param>
    public AddressRules(IReadOnlyList<string>? allow, IReadOnlyList<string>? deny)
    {
        _allow = [.. (allow ?? []).Select(Read)];
        _deny = [.. (deny ?? []).Select(Read)];
    }

    public bool Admits(IPAddress visitor)
    {
        IPAddress plain = visitor.IsIPv4MappedToIPv6 ? visitor.MapToIPv4() : visitor;
        return !Array.Exists(_deny, network => network.Contains(plain))
            && (_allow.Length == 0 || Array.Exists(_allow, network => network.Contains(plain)));
    }

    private static IPNetwork Read(string text) => NetworkText.TryReadNetwork(text, out IPNetwork network)
        ? network
        : throw new FormatException("A guard's networks are judged when its BIND is read.");
}

using System.Buffers;
using System.Globalization;

namespace Tunnel.Framing.Frames;

/// <summary>Whom the edge lets through to a tunnel (docs/protocol.md, section 6). Hashes travel, passwords never.</summary>
public sealed record TunnelGuard
{
    public const int MostNetworks = 64;
    public const int MostUsers = 32;
    public const int MostNameLength = 64;

    /// <summary>The most work a hash may ask of the server: 2^12 rounds, a quarter of a second.</summary>
    public const int MostCost = 12;

    private const int HashLength = 60;

    private static readonly SearchValues<char> BcryptAlphabet =
        SearchValues.Create("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

    /// <summary>Networks visitors may come from; null or empty: any.</summary>
    public IReadOnlyList<string>? Allow { get; init; }

    /// <summary>Networks they may not come from, whatever <see cref="Allow"/> says.</summary>
    public IReadOnlyList<string>? Deny { get; init; }

    /// <summary><c>NAME:HASH</c> each, a bcrypt hash as <c>htpasswd -B</c> writes it; null or empty: nobody is asked who he is.</summary>
    public IReadOnlyList<string>? Users { get; init; }

    /// <summary>Whether the origin sees the visitor's Authorization field; null: no.</summary>
    public bool? ForwardAuth { get; init; }

    /// <summary>Whether this is an address or a network like 10.0.0.0/8.</summary>
    public static bool IsNetwork(string text) => NetworkText.TryReadNetwork(text, out _);

    /// <summary>Null, or what is wrong with a user, as the end of a sentence.</summary>
    public static string? FindUserFault(string user)
    {
        int colon = user.IndexOf(':', StringComparison.Ordinal);
        if (colon is < 1 or > MostNameLength || user.AsSpan(0, colon).ContainsAnyInRange('\0', '\u001F'))
        {
            return $"needs a name of up to {MostNameLength} characters, a colon, and a hash";
        }

        ReadOnlySpan<char> hash = user.AsSpan(colon + 1);
        bool isBcrypt = hash.Length == HashLength && hash[0] == '$' && hash[1] == '2' && (hash[2] is 'a' or 'b' or 'y') && hash[3] == '$' && hash[6] == '$'
            && char.IsAsciiDigit(hash[4]) && char.IsAsciiDigit(hash[5]) && !hash[7..].ContainsAnyExcept(BcryptAlphabet);
        return !isBcrypt ? "has a hash of another kind than bcrypt; 'htpasswd -B' makes these"
            : int.Parse(hash.Slice(4, 2), CultureInfo.InvariantCulture) is < 4 or > MostCost ? $"has a hash of a cost outside 4 to {MostCost}"
            : null;
    }

    internal string? FindFault() =>
        Allow?.Count > MostNetworks || Deny?.Count > MostNetworks || Users?.Count > MostUsers
            ? $"has a guard with more than {MostNetworks} networks or {MostUsers} users"
        : (Allow ?? []).Concat(Deny ?? []).Any(network => network is null || !IsNetwork(network)) ? "has a guard with a network that is none"
        : (Users ?? []).Select(user => user is null ? "is null" : FindUserFault(user)).FirstOrDefault(fault => fault is not null) is { } bad
            ? $"has a guard with a user that {bad}"
        : null;
}

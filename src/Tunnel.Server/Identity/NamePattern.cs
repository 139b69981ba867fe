namespace Tunnel.Server.Identity;

/// <summary>
/// A name a token may use: exact, or with one <c>*</c> for one or more characters of a label (<c>a-*</c>, <c>*.example.org</c>).
/// A star never reaches over a dot.
/// </summary>
internal static class NamePattern
{
    private const char Star = '*';

    public static bool IsWildcard(string pattern) => pattern.Contains(Star, StringComparison.Ordinal);

    /// <param name="name">Lower case: a label against a subdomain's pattern, a whole name against a hostname's.</param>
    public static bool Matches(string pattern, ReadOnlySpan<char> name)
    {
        int star = pattern.IndexOf(Star, StringComparison.Ordinal);
        if (star < 0)
        {
            return name.SequenceEqual(pattern);
        }

        ReadOnlySpan<char> before = pattern.AsSpan(0, star);
        ReadOnlySpan<char> after = pattern.AsSpan(star + 1);
        return name.Length > before.Length + after.Length
            && name.StartsWith(before, StringComparison.Ordinal)
            && name.EndsWith(after, StringComparison.Ordinal)
            && !name[before.Length..^after.Length].Contains('.');
    }

    /// <summary>Puts a chosen label in the star's place.</summary>
    public static string Fill(string pattern, string label) => pattern.Replace(Star.ToString(), label, StringComparison.Ordinal);

    /// <summary>Null, or why this is no pattern for a subdomain.</summary>
    public static string? FindSubdomainFault(string pattern) =>
        HasOneStarAtMost(pattern) && PublicNames.IsLabel(Fill(pattern, "x"))
            ? null
            : $"'{Hosting.Printable.Of(pattern)}' is not a subdomain or a pattern of one; it takes up to 63 letters, digits, inner hyphens and one *, like demo or a-*.";

    /// <summary>Null, or why this is no pattern for a hostname.</summary>
    public static string? FindHostnameFault(string pattern)
    {
        string name = Fill(pattern, "x");
        return HasOneStarAtMost(pattern) && PublicNames.IsHostName(name) && name.Contains('.', StringComparison.Ordinal) && !char.IsAsciiDigit(name[^1])
            ? null
            : $"'{Hosting.Printable.Of(pattern)}' is not a host name or a pattern of one, like www.example.org or *.example.org.";
    }

    private static bool HasOneStarAtMost(string pattern) => pattern.Count(c => c == Star) <= 1;
}

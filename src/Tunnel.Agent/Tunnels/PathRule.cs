using Tunnel.Agent.Local;

namespace Tunnel.Agent.Tunnels;

/// <summary>A part of a tunnel's name that another origin serves: <c>/api</c> with all below it.</summary>
/// <param name="Prefix">Begins with a slash and ends without one.</param>
public sealed record PathRule(string Prefix, OriginOptions Origin)
{
    /// <summary>What is wrong with a prefix, as the end of a sentence; null: nothing.</summary>
    public static string? FindFault(string prefix) =>
        prefix.Length < 2 || prefix[0] != '/' || prefix[^1] == '/' || prefix.Length > 1024 || prefix.Any(c => c is <= ' ' or >= (char)0x7F or '?' or '#')
            ? "is not a path like /api: it begins with a slash, ends without one, and has no query"
            : null;
}

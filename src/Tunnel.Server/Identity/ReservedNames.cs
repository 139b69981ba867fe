using System.Collections.Frozen;

namespace Tunnel.Server.Identity;

/// <summary>
/// Names that speak for the server's owner, or look as if they did. Whoever owns the server may still give one away, by
/// making a token that names it exactly.
/// </summary>
internal static class ReservedNames
{
    private static readonly FrozenSet<string> Labels = FrozenSet.ToFrozenSet(
    [
        // What visitors take for the site itself or its staff.
        "www", "admin", "administrator", "root", "login", "signin", "account", "accounts", "auth", "sso", "oauth", "billing",
        "support", "security", "abuse", "tunnel", "tunnel-server",

        // What certificate authorities and mail programs write to (RFC 2142; the baseline requirements' section 3.2.2.4.4).
        "hostmaster", "postmaster", "webmaster", "mail", "webmail", "smtp", "imap", "pop", "pop3", "mx", "ns", "ns1", "ns2", "dns", "ftp",

        // What programs look for by themselves.
        "autoconfig", "autodiscover", "wpad", "isatap", "localhost",
    ]);

    /// <summary>Null, or why only a token that names it may have it.</summary>
    /// <param name="name">The whole public name.</param>
    /// <param name="label">The subdomain in it; null: a hostname of the agent's own.</param>
    public static string? FindFault(string name, string? label, string domain)
    {
        if (label is not null && Labels.Contains(label))
        {
            return $"'{label}' is reserved, because visitors take it for the owner of {domain}. Ask for another name; the server's owner can give it away with 'token create --subdomain {label}'.";
        }

        foreach (string part in (label ?? name).Split('.'))
        {
            if (!part.StartsWith(LookAlikes.EncodedPrefix, StringComparison.Ordinal))
            {
                continue;
            }

            if (!LookAlikes.TryRead(part, out string skeleton))
            {
                return $"'{part}' mixes letters of several alphabets, or is not a name in punycode. Ask for another name.";
            }

            if (Labels.Contains(skeleton) || domain.Split('.').Contains(skeleton))
            {
                return $"'{part}' looks like '{skeleton}' and is not. Ask for another name.";
            }
        }

        return null;
    }
}

using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Hosting.Options;

namespace Tunnel.Agent.Identity;

/// <summary>Makes of <c>NAME:PASSWORD</c> what the server is told, so that no password leaves this machine.</summary>
internal static class PasswordHash
{
    /// <summary>What <c>htpasswd -B</c> would not take by default, and what a server measures in some 60 ms.</summary>
    private const int Cost = 10;

    /// <summary>bcrypt looks no further.</summary>
    private const int MostBytes = 72;

    /// <param name="given">A password, or a hash of one already.</param>
    /// <returns><c>NAME:HASH</c>; null, and a fault that does not repeat it, when it is neither.</returns>
    public static string? Of(string given, OptionFaults faults)
    {
        if (TunnelGuard.FindUserFault(given) is null)
        {
            return given;
        }

        int colon = given.IndexOf(':', StringComparison.Ordinal);
        if (colon < 1 || colon > TunnelGuard.MostNameLength || given.Length == colon + 1 || given.AsSpan(0, colon).ContainsAnyInRange('\0', '\u001F'))
        {
            faults.Add($"--basic-auth takes NAME:PASSWORD, with a name of up to {TunnelGuard.MostNameLength} characters.");
            return null;
        }

        string password = given[(colon + 1)..];
        if (Encoding.UTF8.GetByteCount(password) > MostBytes || password.Contains('\0', StringComparison.Ordinal))
        {
            faults.Add($"--basic-auth: the password of {Hosting.Printable.Of(given[..colon])} is longer than the {MostBytes} bytes that count, or has a NUL in it.");
            return null;
        }

        return $"{given[..colon]}:{BCrypt.Net.BCrypt.HashPassword(password, Cost)}";
    }
}

using System.Runtime.InteropServices;

namespace Tunnel.Hosting;

/// <summary>
/// Whether the system has the library that .NET does cryptography with. Where it is missing the runtime ends the process with
/// the first thing it is needed for, and nothing can catch that; so it is asked for first.
/// </summary>
internal static class OpenSsl
{
    // As the runtime looks for them, and in its order.
    private static readonly string[] Names = ["libssl.so.3", "libssl.so.1.1", "libssl.so.1.0.2", "libssl.so.1.0.0", "libssl.so.10"];

    /// <summary>Null when it is there, or is not needed.</summary>
    public static string? FindFault()
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        string? chosen = Environment.GetEnvironmentVariable("CLR_OPENSSL_VERSION_OVERRIDE");
        IEnumerable<string> names = string.IsNullOrEmpty(chosen) ? Names : [$"libssl.so.{chosen}", .. Names];

        // It stays loaded: the runtime loads it a moment later.
        return names.Any(static name => NativeLibrary.TryLoad(name, out _))
            ? null
            : "OpenSSL is missing: no libssl.so.3 can be loaded. Install it (Debian: apt-get install libssl3, Alpine: apk add libssl3).";
    }
}

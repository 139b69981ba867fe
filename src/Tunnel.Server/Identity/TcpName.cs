using System.Globalization;

namespace Tunnel.Server.Identity;

/// <summary>
/// The registry's name of a TCP tunnel: its port, which belongs to whoever serves it as any name does. No Host field and no
/// SNI can spell it, because of its colon.
/// </summary>
internal static class TcpName
{
    private const string Prefix = "tcp:";

    public static string Of(int port) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{port}");

    /// <summary>The port, if this is the name of a TCP tunnel.</summary>
    public static bool TryParse(string name, out int port)
    {
        port = 0;
        return name.StartsWith(Prefix, StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out port);
    }
}

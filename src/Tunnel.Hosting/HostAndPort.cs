using System.Globalization;

namespace Tunnel.Hosting;

/// <summary>Reads and writes <c>HOST[:PORT]</c> as <c>--server</c> takes it; an IPv6 address with a port is bracketed.</summary>
public static class HostAndPort
{
    public static string Write(string host, int port) =>
        host.Contains(':', StringComparison.Ordinal)
            ? string.Create(CultureInfo.InvariantCulture, $"[{host}]:{port}")
            : string.Create(CultureInfo.InvariantCulture, $"{host}:{port}");

    /// <summary>False when the text is neither a host nor a host with a port.</summary>
    /// <param name="defaultPort">The port when none is named.</param>
    public static bool TryParse(string text, int defaultPort, out string host, out int port)
    {
        host = "";
        port = defaultPort;
        string name = text;
        string? number = null;
        if (text.StartsWith('['))
        {
            int end = text.IndexOf(']', StringComparison.Ordinal);
            if (end < 0 || (end + 1 < text.Length && text[end + 1] != ':'))
            {
                return false;
            }

            name = text[1..end];
            number = end + 1 < text.Length ? text[(end + 2)..] : null;
        }
        else if (text.IndexOf(':', StringComparison.Ordinal) is >= 0 and int colon && colon == text.LastIndexOf(':'))
        {
            name = text[..colon];
            number = text[(colon + 1)..];
        }

        UriHostNameType form = Uri.CheckHostName(name);
        if (form is not (UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6)
            || (text.StartsWith('[') && form != UriHostNameType.IPv6))
        {
            return false;
        }

        if (number is not null)
        {
            if (!ushort.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out ushort given) || given == 0)
            {
                return false;
            }

            port = given;
        }

        host = name;
        return true;
    }
}

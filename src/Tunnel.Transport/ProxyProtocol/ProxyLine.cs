using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tunnel.Transport.ProxyProtocol;

/// <summary>Version 1 of the PROXY protocol: one line of text.</summary>
internal static class ProxyLine
{
    /// <summary>The longest line there can be, its end included.</summary>
    private const int MostBytes = 107;

    public static ProxyHeaderOutcome Read(in ReadOnlySequence<byte> bytes, out ProxyHeader header, out int consumed)
    {
        header = default;
        consumed = 0;
        Span<byte> buffer = stackalloc byte[MostBytes];
        buffer = buffer[..(int)Math.Min(bytes.Length, MostBytes)];
        bytes.Slice(0, buffer.Length).CopyTo(buffer);
        int end = buffer.IndexOf((byte)'\n');
        if (end < 0)
        {
            return buffer.Length < MostBytes ? ProxyHeaderOutcome.NeedMore : ProxyHeaderOutcome.Rejected;
        }

        if (end == 0 || buffer[end - 1] != '\r' || buffer[..(end - 1)].ContainsAnyExceptInRange((byte)' ', (byte)'~'))
        {
            return ProxyHeaderOutcome.Rejected;
        }

        consumed = end + 1;
        return TryParse(Encoding.ASCII.GetString(buffer[..(end - 1)]), out header)
            ? ProxyHeaderOutcome.Complete
            : ProxyHeaderOutcome.Rejected;
    }

    private static bool TryParse(string line, out ProxyHeader header)
    {
        header = default;
        string[] words = line.Split(' ');
        if (words[1] == "UNKNOWN")
        {
            // Whatever follows is to be ignored.
            return true;
        }

        AddressFamily family = words[1] switch
        {
            "TCP4" => AddressFamily.InterNetwork,
            "TCP6" => AddressFamily.InterNetworkV6,
            _ => AddressFamily.Unknown,
        };
        if (words.Length != 6 || family == AddressFamily.Unknown
            || !TryParseAddress(words[2], family, out IPAddress? source) || !TryParseAddress(words[3], family, out IPAddress? destination)
            || !TryParsePort(words[4], out int sourcePort) || !TryParsePort(words[5], out int destinationPort))
        {
            return false;
        }

        header = new ProxyHeader(new IPEndPoint(source!, sourcePort), new IPEndPoint(destination!, destinationPort));
        return true;
    }

    private static bool TryParseAddress(string text, AddressFamily family, out IPAddress? address)
    {
        // The framework reads more than the canonical forms; only those without a doubt pass.
        bool isAddress = IPAddress.TryParse(text, out address) && address.AddressFamily == family
            && (family == AddressFamily.InterNetwork ? address.ToString() == text : !text.AsSpan().ContainsAny("%[]"));
        address = address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address;
        return isAddress;
    }

    private static bool TryParsePort(string text, out int port)
    {
        bool isPort = ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number)
            && (text.Length == 1 || text[0] != '0');
        port = number;
        return isPort;
    }
}

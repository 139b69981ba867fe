using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tunnel.Transport.Tls;

/// <summary>Reads the body of a ClientHello that is there as a whole (RFC 8446 section 4.1.2).</summary>
internal static class ClientHelloParser
{
    private const int Random = 32;
    private const int MostSessionId = 32;
    private const ushort ServerNameExtension = 0;
    private const ushort AlpnExtension = 16;
    private const ushort SignatureAlgorithmsExtension = 13;
    private const ushort SupportedVersionsExtension = 43;
    private const ushort Tls13 = 0x0304;

    // The second byte of its schemes, whatever the hash (RFC 5246 section 7.4.1.4.1).
    private const byte Ecdsa = 3;
    private const int MostProtocols = 64;
    private const int MostName = 255;

    public static bool TryParse(ReadOnlySpan<byte> body, out ClientHello? hello)
    {
        hello = null;
        var cursor = new Cursor(body);
        if (!cursor.TryTake(2 + Random, out _)
            || !cursor.TryTakeVector8(out ReadOnlySpan<byte> sessionId) || sessionId.Length > MostSessionId
            || !cursor.TryTakeVector16(out ReadOnlySpan<byte> ciphers) || ciphers.Length < 2 || ciphers.Length % 2 != 0
            || !cursor.TryTakeVector8(out ReadOnlySpan<byte> compressions) || compressions.IsEmpty)
        {
            return false;
        }

        string? name = null;
        IReadOnlyList<string> protocols = [];
        bool offersTls13 = false;
        bool takesEcdsa = false;

        // Old clients send no extensions at all, not even an empty list of them.
        if (!cursor.IsAtEnd)
        {
            if (!cursor.TryTakeVector16(out ReadOnlySpan<byte> extensions) || !cursor.IsAtEnd
                || !TryParseExtensions(extensions, ref name, ref protocols, ref offersTls13, ref takesEcdsa))
            {
                return false;
            }
        }

        hello = new ClientHello(name, protocols, offersTls13, takesEcdsa);
        return true;
    }

    // What is not known is skipped: GREASE (RFC 8701) is there to make sure of that, and ECH is not ours to open.
    private static bool TryParseExtensions(
        ReadOnlySpan<byte> extensions, ref string? name, ref IReadOnlyList<string> protocols, ref bool offersTls13, ref bool takesEcdsa)
    {
        bool hasName = false;
        bool hasProtocols = false;
        var cursor = new Cursor(extensions);
        while (!cursor.IsAtEnd)
        {
            if (!cursor.TryTake(2, out ReadOnlySpan<byte> type) || !cursor.TryTakeVector16(out ReadOnlySpan<byte> content))
            {
                return false;
            }

            // Twice the same extension is forbidden (RFC 8446 section 4.2), and of two names each reader might take another.
            switch (BinaryPrimitives.ReadUInt16BigEndian(type))
            {
                case ServerNameExtension:
                    if (hasName || !TryParseServerName(content, out name))
                    {
                        return false;
                    }

                    hasName = true;
                    break;
                case AlpnExtension:
                    if (hasProtocols || !TryParseProtocols(content, out protocols))
                    {
                        return false;
                    }

                    hasProtocols = true;
                    break;
                case SignatureAlgorithmsExtension:
                    if (!TryParseSignatures(content, ref takesEcdsa))
                    {
                        return false;
                    }

                    break;
                case SupportedVersionsExtension:
                    if (!TryParseVersions(content, ref offersTls13))
                    {
                        return false;
                    }

                    break;
            }
        }

        return true;
    }

    private static bool TryParseServerName(ReadOnlySpan<byte> content, out string? name)
    {
        name = null;
        var cursor = new Cursor(content);
        if (!cursor.TryTakeVector16(out ReadOnlySpan<byte> list) || list.IsEmpty || !cursor.IsAtEnd)
        {
            return false;
        }

        cursor = new Cursor(list);
        while (!cursor.IsAtEnd)
        {
            // One entry of the one type there is: host_name. Nobody ever defined another.
            if (!cursor.TryTake(1, out ReadOnlySpan<byte> type) || type[0] != 0 || name is not null
                || !cursor.TryTakeVector16(out ReadOnlySpan<byte> host) || host.Length is 0 or > MostName
                || host.ContainsAnyExceptInRange((byte)'!', (byte)'~'))
            {
                return false;
            }

            name = Encoding.ASCII.GetString(host).ToLowerInvariant();
            name = IsAddress(name) ? name : WithoutPort(name);
            name = name.EndsWith('.') ? name[..^1] : name;
        }

        if (name is null or "")
        {
            return false;
        }

        // Not allowed (RFC 6066 section 3), and done all the same by programs that are given an address for a name.
        name = IsAddress(name) ? null : name;
        return true;
    }

    // Some programs put what stands behind https:// into the handshake, port and all. No name has a colon.
    private static string WithoutPort(string name)
    {
        int colon = name.LastIndexOf(':');
        return colon > 0 && !name.AsSpan(colon + 1).ContainsAnyExceptInRange('0', '9') ? name[..colon] : name;
    }

    // Not whatever the system would take for one: "1" is.
    private static bool IsAddress(string name) =>
        IPAddress.TryParse(name, out IPAddress? address)
        && (address.AddressFamily == AddressFamily.InterNetworkV6 || name.Count(static character => character == '.') == 3);

    private static bool TryParseSignatures(ReadOnlySpan<byte> content, ref bool takesEcdsa)
    {
        var cursor = new Cursor(content);
        if (!cursor.TryTakeVector16(out ReadOnlySpan<byte> schemes) || schemes.IsEmpty || schemes.Length % 2 != 0 || !cursor.IsAtEnd)
        {
            return false;
        }

        for (int at = 1; at < schemes.Length; at += 2)
        {
            takesEcdsa |= schemes[at] == Ecdsa;
        }

        return true;
    }

    private static bool TryParseVersions(ReadOnlySpan<byte> content, ref bool offersTls13)
    {
        var cursor = new Cursor(content);
        if (!cursor.TryTakeVector8(out ReadOnlySpan<byte> versions) || versions.IsEmpty || versions.Length % 2 != 0 || !cursor.IsAtEnd)
        {
            return false;
        }

        for (int at = 0; at < versions.Length; at += 2)
        {
            offersTls13 |= BinaryPrimitives.ReadUInt16BigEndian(versions[at..]) == Tls13;
        }

        return true;
    }

    private static bool TryParseProtocols(ReadOnlySpan<byte> content, out IReadOnlyList<string> protocols)
    {
        var found = new List<string>();
        protocols = found;
        var cursor = new Cursor(content);
        if (!cursor.TryTakeVector16(out ReadOnlySpan<byte> list) || list.IsEmpty || !cursor.IsAtEnd)
        {
            return false;
        }

        cursor = new Cursor(list);
        while (!cursor.IsAtEnd)
        {
            if (!cursor.TryTakeVector8(out ReadOnlySpan<byte> protocol) || protocol.IsEmpty || found.Count == MostProtocols)
            {
                return false;
            }

            found.Add(Encoding.ASCII.GetString(protocol));
        }

        return true;
    }

    /// <summary>Walks over lengths and what they announce; every length is checked against what is there.</summary>
    private ref struct Cursor(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;

        public readonly bool IsAtEnd => _rest.IsEmpty;

        public bool TryTake(int count, out ReadOnlySpan<byte> taken)
        {
            bool fits = count <= _rest.Length;
            taken = fits ? _rest[..count] : default;
            _rest = fits ? _rest[count..] : _rest;
            return fits;
        }

        public bool TryTakeVector8(out ReadOnlySpan<byte> content)
        {
            content = default;
            return TryTake(1, out ReadOnlySpan<byte> length) && TryTake(length[0], out content);
        }

        public bool TryTakeVector16(out ReadOnlySpan<byte> content)
        {
            content = default;
            return TryTake(2, out ReadOnlySpan<byte> length)
                && TryTake(BinaryPrimitives.ReadUInt16BigEndian(length), out content);
        }
    }
}

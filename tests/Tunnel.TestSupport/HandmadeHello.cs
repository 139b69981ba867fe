using System.Buffers.Binary;
using System.Text;

namespace Tunnel.TestSupport;

/// <summary>ClientHellos made by hand, for what no TLS library would send.</summary>
public static class HandmadeHello
{
    /// <summary>Types without a meaning that clients mix in (RFC 8701), and that of Encrypted ClientHello.</summary>
    public const ushort Grease = 0x4A4A;
    public const ushort Ech = 0xFE0D;

    /// <summary>The server_name extension.</summary>
    public static byte[] ServerName(string name) =>
        Extension(0, Vector16([0, .. Vector16(Encoding.ASCII.GetBytes(name))]));

    public static byte[] Alpn(params string[] protocols) =>
        Extension(16, Vector16([.. protocols.SelectMany(name => Vector8(Encoding.ASCII.GetBytes(name)))]));

    public static byte[] Extension(ushort type, byte[] content) => [.. U16(type), .. Vector16(content)];

    /// <summary>A whole handshake message with these extensions; null: without a list of them.</summary>
    public static byte[] Message(byte[]? extensions)
    {
        byte[] body =
        [
            3, 3, .. Enumerable.Repeat((byte)7, 32), .. Vector8(new byte[32]), .. Vector16([0x13, 1, 0x4A, 0x4A]), .. Vector8([0]),
            .. extensions is null ? [] : Vector16(extensions),
        ];
        return Message(1, body);
    }

    public static byte[] Message(byte type, byte[] body) => [type, 0, .. U16(body.Length), .. body];

    /// <summary>In handshake records of at most so many bytes.</summary>
    public static byte[] Records(byte[] message, int fragment = 16 * 1024) =>
        [.. message.Chunk(fragment).SelectMany(part => (byte[])[0x16, 3, 1, .. Vector16(part)])];

    /// <summary>What a client sends first when it asks for this name.</summary>
    public static byte[] For(string name) => Records(Message([.. ServerName(name), .. Alpn("http/1.1")]));

    public static byte[] Vector8(byte[] content) => [(byte)content.Length, .. content];

    public static byte[] Vector16(byte[] content) => [.. U16(content.Length), .. content];

    private static byte[] U16(int number)
    {
        byte[] bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)number);
        return bytes;
    }
}

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Tunnel.Framing.Frames;

/// <summary>The visitor's address and port as OPEN carries them; a value, so that a request allocates nothing for it.</summary>
/// <param name="Family">0 unknown, 4 or 6.</param>
/// <param name="Bits">The address: 32 or 128 bits, most significant byte first on the wire.</param>
public readonly record struct VisitorAddress(byte Family, UInt128 Bits, ushort Port)
{
    /// <summary>Bytes of the address itself on the wire.</summary>
    public int Size => Family switch { 4 => 4, 6 => 16, _ => 0 };

    /// <summary>IPv4-mapped addresses become IPv4; a zone is not carried.</summary>
    public static VisitorAddress From(IPEndPoint endPoint)
    {
        IPAddress address = endPoint.Address;
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int written);
        return address.AddressFamily == AddressFamily.InterNetwork
            ? new VisitorAddress(4, BinaryPrimitives.ReadUInt32BigEndian(bytes[..written]), (ushort)endPoint.Port)
            : new VisitorAddress(6, BinaryPrimitives.ReadUInt128BigEndian(bytes[..written]), (ushort)endPoint.Port);
    }

    /// <summary>The address as the framework knows it, or null when unknown.</summary>
    public IPAddress? ToIPAddress()
    {
        if (Family == 0)
        {
            return null;
        }

        Span<byte> bytes = stackalloc byte[16];
        WriteAddress(bytes);
        return new IPAddress(bytes[..Size]);
    }

    internal void WriteAddress(Span<byte> destination)
    {
        if (Family == 4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)Bits);
        }
        else if (Family == 6)
        {
            BinaryPrimitives.WriteUInt128BigEndian(destination, Bits);
        }
    }
}

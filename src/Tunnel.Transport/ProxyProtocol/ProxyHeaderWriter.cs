using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Tunnel.Transport.ProxyProtocol;

/// <summary>Writes PROXY protocol headers of version 2.</summary>
public static class ProxyHeaderWriter
{
    /// <summary>
    /// Writes one header. Without a source it says LOCAL: the connection is the proxy's own. A destination of the other
    /// family cannot be said and becomes the unspecified address, with its port.
    /// </summary>
    public static void Write(IBufferWriter<byte> output, IPEndPoint? source, IPEndPoint? destination)
    {
        Span<byte> header = output.GetSpan(ProxyHeaderReader.Version2Fixed + 36);
        ProxyHeaderReader.Signature.CopyTo(header);
        if (source is null)
        {
            header[12] = 0x20;
            header[13] = 0;
            BinaryPrimitives.WriteUInt16BigEndian(header[14..], 0);
            output.Advance(ProxyHeaderReader.Version2Fixed);
            return;
        }

        IPAddress from = Plain(source.Address);
        bool isV4 = from.AddressFamily == AddressFamily.InterNetwork;
        IPAddress unspecified = isV4 ? IPAddress.Any : IPAddress.IPv6Any;
        IPAddress to = destination is null ? unspecified : Plain(destination.Address);
        to = to.AddressFamily == from.AddressFamily ? to : unspecified;
        int size = isV4 ? 4 : 16;
        int both = (2 * size) + 4;
        header[12] = 0x21;
        header[13] = isV4 ? (byte)0x11 : (byte)0x21;
        BinaryPrimitives.WriteUInt16BigEndian(header[14..], (ushort)both);
        Span<byte> addresses = header[ProxyHeaderReader.Version2Fixed..];
        from.TryWriteBytes(addresses, out _);
        to.TryWriteBytes(addresses[size..], out _);
        BinaryPrimitives.WriteUInt16BigEndian(addresses[(2 * size)..], (ushort)source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(addresses[((2 * size) + 2)..], (ushort)(destination?.Port ?? 0));
        output.Advance(ProxyHeaderReader.Version2Fixed + both);
    }

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}

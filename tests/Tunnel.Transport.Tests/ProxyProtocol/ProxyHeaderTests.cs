using System.Buffers;
using System.Net;
using System.Text;
using Tunnel.TestSupport;
using Tunnel.Transport.ProxyProtocol;

namespace Tunnel.Transport.Tests.ProxyProtocol;

public sealed class ProxyHeaderTests
{
    private static readonly byte[] Signature = [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

    private static readonly byte[] Ipv4 = [203, 0, 113, 7, 192, 0, 2, 1, 0x9C, 0x40, 0x01, 0xBB];

    public static TheoryData<string> BadLines() =>
    [
        "PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 40000\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 40000 443 \r\n",
        "PROXY TCP4  203.0.113.7 192.0.2.1 40000 443\r\n",
        "PROXY TCP4 203.0.113.07 192.0.2.1 40000 443\r\n",
        "PROXY TCP4 203.0.113 192.0.2.1 40000 443\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 65536 443\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 040000 443\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 -1 443\r\n",
        "PROXY TCP4 2001:db8::1 192.0.2.1 40000 443\r\n",
        "PROXY TCP6 203.0.113.7 2001:db8::2 40000 443\r\n",
        "PROXY TCP6 [2001:db8::1] 2001:db8::2 40000 443\r\n",
        "PROXY TCP6 fe80::1%eth0 2001:db8::2 40000 443\r\n",
        "PROXY UDP4 203.0.113.7 192.0.2.1 40000 443\r\n",
        "PROXY tcp4 203.0.113.7 192.0.2.1 40000 443\r\n",
        "PROXY \r\n",
        "PROXY TCP4\t203.0.113.7 192.0.2.1 40000 443\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\0\r\n",
        "PROXY UNKNOWN " + new string('x', 92) + "\r\n",
        "GET / HTTP/1.1\r\n",
        "proxy TCP4 203.0.113.7 192.0.2.1 40000 443\r\n",
        "\r\n\r\nGET",
    ];

    public static TheoryData<string, byte[]> BadBinaries() => new()
    {
        { "a version other than 2", [.. Signature, 0x11, 0x11, 0, 12, .. Ipv4] },
        { "an unknown command", [.. Signature, 0x22, 0x11, 0, 12, .. Ipv4] },
        { "datagrams", [.. Signature, 0x21, 0x12, 0, 12, .. Ipv4] },
        { "a socket without an address", [.. Signature, 0x21, 0x31, 0, 216, .. new byte[216]] },
        { "addresses cut short", [.. Signature, 0x21, 0x11, 0, 11, .. Ipv4[..11]] },
        { "more than the limit", [.. Signature, 0x21, 0x11, 0x10, 0] },
        { "half a value behind the addresses", [.. Signature, 0x21, 0x11, 0, 14, .. Ipv4, 4, 0] },
        { "a value longer than the header", [.. Signature, 0x21, 0x11, 0, 15, .. Ipv4, 4, 0, 1] },
        { "a wrong checksum", [.. Signature, 0x21, 0x11, 0, 19, .. Ipv4, 3, 0, 4, 1, 2, 3, 4] },
        { "a checksum of another size", [.. Signature, 0x21, 0x11, 0, 17, .. Ipv4, 3, 0, 2, 1, 2] },
    };

    [Theory]
    [MemberData(nameof(BadLines))]
    public void Line_Bad_IsRejectedHoweverItIsCut(string line)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(line);
        Read(bytes, out _).Should().Be(ProxyHeaderOutcome.Rejected);
        ByteByByte(bytes, out _).Should().Be(ProxyHeaderOutcome.Rejected);
    }

    [Theory]
    [MemberData(nameof(BadBinaries))]
    public void Binary_Bad_IsRejectedHoweverItIsCut(string what, byte[] bytes)
    {
        Read(bytes, out _).Should().Be(ProxyHeaderOutcome.Rejected, what);
        ByteByByte(bytes, out _).Should().Be(ProxyHeaderOutcome.Rejected, what);
    }

    [Theory]
    [InlineData("PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\r\n", "203.0.113.7:40000")]
    [InlineData("PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n", "[2001:db8::7]:40000")]
    [InlineData("PROXY TCP6 ::ffff:203.0.113.7 ::ffff:192.0.2.1 1 65535\r\n", "203.0.113.7:1")]
    [InlineData("PROXY UNKNOWN\r\n", null)]
    [InlineData("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", null)]
    public void Line_Good_SaysTheSource(string line, string? source)
    {
        byte[] bytes = [.. Encoding.ASCII.GetBytes(line), .. "GET"u8];
        ByteByByte(bytes, out (ProxyHeader Header, int Consumed) read).Should().Be(ProxyHeaderOutcome.Complete);
        read.Header.Source?.ToString().Should().Be(source);
        read.Consumed.Should().Be(line.Length);
    }

    [Fact]
    public void Binary_Good_SaysTheSource()
    {
        byte[] bytes = [.. Signature, 0x21, 0x11, 0, 12, .. Ipv4, 0x16];
        ByteByByte(bytes, out (ProxyHeader Header, int Consumed) read).Should().Be(ProxyHeaderOutcome.Complete);
        read.Header.Source.Should().Be(new IPEndPoint(IPAddress.Parse("203.0.113.7"), 40000));
        read.Header.Destination.Should().Be(new IPEndPoint(IPAddress.Parse("192.0.2.1"), 443));
        read.Consumed.Should().Be(28);
    }

    [Fact]
    public void Binary_WithValuesAndTheRightChecksum_IsTaken()
    {
        byte[] bytes = [.. Signature, 0x21, 0x11, 0, 24, .. Ipv4, 3, 0, 4, 0, 0, 0, 0, 2, 0, 2, (byte)'a', (byte)'b'];

        // CRC-32C as the table-driven implementations have it, computed here once more bit by bit.
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) == 0 ? 0 : 0x82F63B78);
            }
        }

        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(31), ~crc);
        Read(bytes, out (ProxyHeader Header, int Consumed) read).Should().Be(ProxyHeaderOutcome.Complete);
        read.Header.Source!.Port.Should().Be(40000);
    }

    [Theory]
    [InlineData(0x00, 0)]
    [InlineData(0x11, 12)]
    [InlineData(0x31, 3)]
    public void Binary_Local_SpeaksForTheProxyItself(byte family, byte length)
    {
        byte[] bytes = [.. Signature, 0x20, family, 0, length, .. Ipv4[..length]];
        Read(bytes, out (ProxyHeader Header, int Consumed) read).Should().Be(ProxyHeaderOutcome.Complete);
        read.Header.Source.Should().BeNull();
        read.Consumed.Should().Be(bytes.Length);
    }

    [Theory]
    [InlineData("203.0.113.7:40000", "192.0.2.1:443", "203.0.113.7:40000", "192.0.2.1:443")]
    [InlineData("[2001:db8::7]:40000", "[2001:db8::1]:443", "[2001:db8::7]:40000", "[2001:db8::1]:443")]
    [InlineData("[::ffff:203.0.113.7]:1", "[::1]:443", "203.0.113.7:1", "0.0.0.0:443")]
    [InlineData("[2001:db8::7]:40000", "127.0.0.1:8080", "[2001:db8::7]:40000", "[::]:8080")]
    [InlineData(null, "127.0.0.1:8080", null, null)]
    public void Writer_WhatItWrites_IsReadBack(string? source, string destination, string? readSource, string? readDestination)
    {
        var output = new ArrayBufferWriter<byte>();
        ProxyHeaderWriter.Write(output, source is null ? null : IPEndPoint.Parse(source), IPEndPoint.Parse(destination));
        Read(output.WrittenSpan.ToArray(), out (ProxyHeader Header, int Consumed) read).Should().Be(ProxyHeaderOutcome.Complete);
        read.Consumed.Should().Be(output.WrittenCount);
        read.Header.Source?.ToString().Should().Be(readSource);
        read.Header.Destination?.ToString().Should().Be(readDestination);
    }

    [Fact]
    public void Read_Mutated_IsJudgedTheSameHoweverItIsCut()
    {
        byte[][] good =
        [
            Encoding.ASCII.GetBytes("PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\r\nGET"),
            Encoding.ASCII.GetBytes("PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n"),
            [.. Signature, 0x21, 0x11, 0, 19, .. Ipv4, 4, 0, 4, 1, 2, 3, 4, 0x16],
        ];
        foreach (int seed in Fuzzing.Seeds(5000))
        {
            byte[] bytes = Fuzzing.Mutate(new Random(seed), good);
            ProxyHeaderOutcome whole = Read(bytes, out (ProxyHeader Header, int Consumed) first);
            ByteByByte(bytes, out (ProxyHeader Header, int Consumed) second).Should().Be(whole, "seed {0}", seed);
            if (whole == ProxyHeaderOutcome.Complete)
            {
                second.Should().Be(first, "seed {0}", seed);
                first.Consumed.Should().BeInRange(1, bytes.Length);
            }
        }
    }

    private static ProxyHeaderOutcome Read(byte[] bytes, out (ProxyHeader Header, int Consumed) read)
    {
        ProxyHeaderOutcome outcome = ProxyHeaderReader.Read(new ReadOnlySequence<byte>(bytes), out ProxyHeader header, out int consumed);
        read = (header, consumed);
        return outcome;
    }

    private static ProxyHeaderOutcome ByteByByte(byte[] bytes, out (ProxyHeader Header, int Consumed) read)
    {
        ProxyHeaderOutcome outcome = ProxyHeaderOutcome.NeedMore;
        read = default;
        for (int length = 1; length <= bytes.Length && outcome == ProxyHeaderOutcome.NeedMore; length++)
        {
            outcome = ProxyHeaderReader.Read(Fuzzing.SingleBytes(bytes.AsMemory(0, length)), out ProxyHeader header, out int consumed);
            read = (header, consumed);
        }

        return outcome;
    }
}

using System.Buffers;

namespace Tunnel.Framing.Tests.Frames;

/// <summary>A sequence in which every byte is a segment of its own: what a parser sees at its worst.</summary>
internal sealed class ByteByByte : ReadOnlySequenceSegment<byte>
{
    private ByteByByte(ReadOnlyMemory<byte> memory, long index) => (Memory, RunningIndex) = (memory, index);

    /// <param name="bytes">One or more.</param>
    public static ReadOnlySequence<byte> Of(byte[] bytes)
    {
        var first = new ByteByByte(bytes.AsMemory(0, 1), 0);
        ByteByByte last = first;
        for (int at = 1; at < bytes.Length; at++)
        {
            var next = new ByteByByte(bytes.AsMemory(at, 1), at);
            last.Next = next;
            last = next;
        }

        return new ReadOnlySequence<byte>(first, 0, last, 1);
    }
}

using System.Buffers;

namespace Tunnel.Http.Tests.Wire;

/// <summary>Sequences made of chosen segments.</summary>
internal static class Pieces
{
    /// <summary>
    /// The bytes from <paramref name="start"/> to <paramref name="end"/>, cut at the places given, which ascend. The same
    /// place twice, or one of the ends, makes an empty segment.
    /// </summary>
    public static ReadOnlySequence<byte> Of(byte[] bytes, int start, int end, IReadOnlyList<int> cuts)
    {
        Segment? first = null;
        Segment? last = null;
        var from = start;
        foreach (var cut in cuts.Where(cut => cut >= start && cut <= end).Append(end))
        {
            last = new Segment(bytes.AsMemory(from, cut - from), last);
            first ??= last;
            from = cut;
        }

        return first is null ? default : new ReadOnlySequence<byte>(first, 0, last!, last!.Memory.Length);
    }

    public static IReadOnlyList<int> EveryByte(int length) => [.. Enumerable.Range(1, Math.Max(0, length - 1))];

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is not null)
            {
                previous.Next = this;
                RunningIndex = previous.RunningIndex + previous.Memory.Length;
            }
        }
    }
}

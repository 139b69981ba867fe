using System.Buffers;
using System.Globalization;

namespace Tunnel.TestSupport;

/// <summary>Seeded inputs for parsers: a fixed number in the gate, TUNNEL_FUZZ_SECONDS of new ones when asked for.</summary>
public static class Fuzzing
{
    public static IEnumerable<int> Seeds(int inTheGate)
    {
        int.TryParse(Environment.GetEnvironmentVariable("TUNNEL_FUZZ_SECONDS"), CultureInfo.InvariantCulture, out int seconds);
        long start = TimeProvider.System.GetTimestamp();
        for (int seed = 0; seconds == 0 ? seed < inTheGate : TimeProvider.System.GetElapsedTime(start).TotalSeconds < seconds; seed++)
        {
            yield return seconds == 0 ? seed : Random.Shared.Next();
        }
    }

    /// <summary>One of the good inputs with a few bytes changed, cut out, doubled or put in.</summary>
    public static byte[] Mutate(Random random, byte[][] good)
    {
        var bytes = new List<byte>(good[random.Next(good.Length)]);
        for (int changes = random.Next(0, 5); changes > 0 && bytes.Count > 0; changes--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] += (byte)(random.Next(3) - 1);
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 8), bytes.Count - at));
                    break;
                case 3:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
                default:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 8), bytes.Count - at)));
                    break;
            }
        }

        return [.. bytes];
    }

    /// <summary>The same bytes in segments of one.</summary>
    public static ReadOnlySequence<byte> SingleBytes(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return ReadOnlySequence<byte>.Empty;
        }

        var first = new Segment(bytes[..1]);
        Segment last = first;
        for (int i = 1; i < bytes.Length; i++)
        {
            last = last.Append(bytes.Slice(i, 1));
        }

        return new ReadOnlySequence<byte>(first, 0, last, 1);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory) => Memory = memory;

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory) { RunningIndex = RunningIndex + Memory.Length };
            Next = next;
            return next;
        }
    }
}

using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Fuzz;

/// <summary>Spoils a message: bits, bytes, pieces lost, doubled, from another message, or a word that matters.</summary>
internal static class Mutation
{
    /// <summary>Longer inputs only slow the run down: every limit is reached below.</summary>
    private const int MostBytes = 4_096;

    public static byte[] Of(byte[] seed, IReadOnlyList<byte[]> corpus, Random random)
    {
        var bytes = new List<byte>(seed);
        for (var round = random.Next(1, 6); round > 0; round--)
        {
            var at = random.Next(bytes.Count + 1);
            switch (random.Next(8))
            {
                case 0 when at < bytes.Count:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 8), bytes.Count - at));
                    break;
                case 3:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
                case 4:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 40), bytes.Count - at)));
                    break;
                case 5:
                    var other = corpus[random.Next(corpus.Count)];
                    bytes.RemoveRange(at, bytes.Count - at);
                    bytes.AddRange(other.AsSpan(random.Next(other.Length + 1)));
                    break;
                default:
                    bytes.InsertRange(at, Verdict.Bytes.GetBytes(Seeds.Words[random.Next(Seeds.Words.Length)]));
                    break;
            }
        }

        return [.. bytes.Take(MostBytes)];
    }
}

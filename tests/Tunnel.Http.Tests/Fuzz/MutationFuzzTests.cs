using System.Globalization;
using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;
using Xunit.Abstractions;

namespace Tunnel.Http.Tests.Fuzz;

/// <summary>
/// One fuzz target for each parser. In the gate each runs a fixed number of inputs from a fixed seed; with
/// <c>TUNNEL_FUZZ_SECONDS</c> set, each runs so long from a seed of its own, which a failure names with the input.
/// </summary>
public class MutationFuzzTests(ITestOutputHelper output)
{
    private const int GateInputs = 8_000;
    private const int GateSeed = 20261123;

    [Fact]
    public void RequestHead_Mutated_KeepsItsInvariants() =>
        Fuzz(Seeds.Requests, static (bytes, cuts, _) => Invariants.Request(bytes, cuts));

    [Fact]
    public void ResponseHead_Mutated_KeepsItsInvariants() =>
        Fuzz(Seeds.Responses, static (bytes, cuts, random) => Invariants.Response(
            bytes, cuts, (RequestMethod)random.Next((int)RequestMethod.Patch + 1)));

    [Fact]
    public void ChunkedBody_Mutated_KeepsItsInvariants() =>
        Fuzz(Seeds.Chunked, static (bytes, cuts, _) => Invariants.Chunked(bytes, cuts));

    private void Fuzz(string[] seeds, Action<byte[], int[], Random> check)
    {
        var seconds = Environment.GetEnvironmentVariable("TUNNEL_FUZZ_SECONDS");
        var seed = seconds is null ? GateSeed : Random.Shared.Next();
        var random = new Random(seed);
        var clock = TimeProvider.System;
        var start = clock.GetTimestamp();
        var length = TimeSpan.FromSeconds(double.Parse(seconds ?? "0", CultureInfo.InvariantCulture));
        var corpus = seeds.Select(Verdict.Bytes.GetBytes).ToArray();
        long count = 0;
        while (seconds is null ? count < GateInputs : clock.GetElapsedTime(start) < length)
        {
            count++;
            var bytes = Mutate(corpus[random.Next(corpus.Length)], corpus, random);
            var cuts = Enumerable.Range(0, random.Next(6)).Select(_ => random.Next(bytes.Length + 1)).Order().ToArray();
            try
            {
                check(bytes, cuts, random);
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException(
                    $"Seed {seed}, input {count}: {Convert.ToHexString(bytes)} cut at [{string.Join(',', cuts)}]", failure);
            }
        }

        output.WriteLine($"{count} inputs from seed {seed}.");
    }

    private static byte[] Mutate(byte[] seed, byte[][] corpus, Random random)
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
                    var other = corpus[random.Next(corpus.Length)];
                    bytes.RemoveRange(at, bytes.Count - at);
                    bytes.AddRange(other.AsSpan(random.Next(other.Length + 1)));
                    break;
                default:
                    bytes.InsertRange(at, Verdict.Bytes.GetBytes(Seeds.Words[random.Next(Seeds.Words.Length)]));
                    break;
            }
        }

        return [.. bytes];
    }
}

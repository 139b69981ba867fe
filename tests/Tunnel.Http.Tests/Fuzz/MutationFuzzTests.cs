using System.Globalization;
using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;
using Xunit.Abstractions;

namespace Tunnel.Http.Tests.Fuzz;

/// <summary>
/// A fuzz target for each parser and each direction. In the gate each runs a fixed number of inputs from a fixed seed; with
/// <c>TUNNEL_FUZZ_SECONDS</c> set, each runs so long from a seed of its own, which a failure names with the input.
/// </summary>
/// <remarks>
/// Guided by what comes out: an input that gets a verdict no input before it got joins the corpus, so that what is rare is
/// mutated further. <c>tests/drills/run fuzz</c> runs all of them for half an hour each.
/// </remarks>
public class MutationFuzzTests(ITestOutputHelper output)
{
    private const int GateInputs = 8_000;
    private const int GateConversations = 3_000;
    private const int GateSeed = 20261123;
    private const int MostCorpus = 4_000;

    [Fact]
    public void RequestHead_Mutated_KeepsItsInvariants() =>
        Fuzz(Seeds.Requests, GateInputs, static (bytes, cuts, _) => Invariants.Request(bytes, cuts));

    [Fact]
    public void ResponseHead_Mutated_KeepsItsInvariants() =>
        Fuzz(Seeds.Responses, GateInputs, static (bytes, cuts, random) => Invariants.Response(
            bytes, cuts, (RequestMethod)random.Next((int)RequestMethod.Patch + 1)));

    [Fact]
    public void ChunkedBody_Mutated_KeepsItsInvariants() =>
        Fuzz(Seeds.Chunked, GateInputs, static (bytes, cuts, _) => Invariants.Chunked(bytes, cuts));

    [Fact]
    public void RequestBody_MutatedAndReframed_MeansTheSame() =>
        Fuzz(Seeds.Chunked, GateInputs, static (bytes, cuts, random) =>
        {
            // A request's framing is passed on as it is.
            BodyFraming framing = random.Next(4) == 0 ? BodyFraming.OfLength(random.Next(bytes.Length + 2)) : BodyFraming.Chunked;
            return Invariants.Reframed(bytes, cuts, framing, framing);
        });

    [Fact]
    public void AnswerBody_MutatedAndReframed_MeansTheSame() =>
        Fuzz(Seeds.Chunked, GateInputs, static (bytes, cuts, random) =>
        {
            // An answer without a length is chunked for HTTP/1.1 and ends with the connection for HTTP/1.0.
            BodyFraming from = random.Next(3) == 0 ? BodyFraming.UntilClose : BodyFraming.Chunked;
            return Invariants.Reframed(bytes, cuts, from, random.Next(2) == 0 ? BodyFraming.Chunked : BodyFraming.UntilClose);
        });

    [Fact]
    public void RequestsOfAConnection_Mutated_AreTheSameMessagesInCanonicalForm() =>
        Fuzz(Seeds.RequestConversations, GateConversations, static (bytes, cuts, _) => Conversations.Requests(bytes, cuts));

    [Fact]
    public void AnswersOfAConnection_Mutated_AreTheSameMessagesInCanonicalForm() =>
        Fuzz(Seeds.AnswerConversations, GateConversations, static (bytes, cuts, _) => Conversations.Answers(bytes, cuts));

    /// <param name="seeds">Where the corpus begins.</param>
    /// <param name="inTheGate">Inputs of the fixed run.</param>
    /// <param name="check">Throws when something does not hold; otherwise says in a few words what became of the input.</param>
    private void Fuzz(string[] seeds, int inTheGate, Func<byte[], int[], Random, string> check)
    {
        var seconds = Environment.GetEnvironmentVariable("TUNNEL_FUZZ_SECONDS");
        var seed = seconds is null ? GateSeed : Random.Shared.Next();
        var random = new Random(seed);
        var clock = TimeProvider.System;
        var start = clock.GetTimestamp();
        var length = TimeSpan.FromSeconds(double.Parse(seconds ?? "0", CultureInfo.InvariantCulture));
        var corpus = seeds.Select(Verdict.Bytes.GetBytes).ToList();
        var seen = new HashSet<string>();
        long count = 0;
        while (seconds is null ? count < inTheGate : clock.GetElapsedTime(start) < length)
        {
            count++;
            var bytes = Mutation.Of(corpus[random.Next(corpus.Count)], corpus, random);
            var cuts = Enumerable.Range(0, random.Next(6)).Select(_ => random.Next(bytes.Length + 1)).Order().ToArray();
            try
            {
                if (seen.Add(check(bytes, cuts, random)) && corpus.Count < MostCorpus)
                {
                    corpus.Add(bytes);
                }
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException(
                    $"Seed {seed}, input {count}: {Convert.ToHexString(bytes)} cut at [{string.Join(',', cuts)}]", failure);
            }
        }

        output.WriteLine($"{count} inputs from seed {seed}, {seen.Count} different outcomes.");
    }
}

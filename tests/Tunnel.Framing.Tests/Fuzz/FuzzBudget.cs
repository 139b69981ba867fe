using System.Globalization;
using Xunit.Abstractions;

namespace Tunnel.Framing.Tests.Fuzz;

/// <summary>
/// How much a fuzz target runs: a fixed number of seeded inputs in the gate, or for TUNNEL_FUZZ_SECONDS seconds with
/// seeds never tried before. A failing seed stands in the message of the failure; TUNNEL_FUZZ_SEED runs it again.
/// </summary>
internal static class FuzzBudget
{
    private static readonly int Seconds =
        int.TryParse(Environment.GetEnvironmentVariable("TUNNEL_FUZZ_SECONDS"), CultureInfo.InvariantCulture, out int seconds) ? seconds : 0;

    /// <summary>The seeds to run; says in the end how many they were.</summary>
    public static IEnumerable<int> Seeds(int inTheGate, ITestOutputHelper output)
    {
        int count = 0;
        foreach (int seed in Seeds(inTheGate))
        {
            yield return seed;
            count++;
        }

        output.WriteLine($"{count} inputs.");
    }

    private static IEnumerable<int> Seeds(int inTheGate)
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("TUNNEL_FUZZ_SEED"), CultureInfo.InvariantCulture, out int seed))
        {
            return Enumerable.Repeat(seed, inTheGate);
        }

        if (Seconds == 0)
        {
            return Enumerable.Range(0, inTheGate);
        }

        return Endless();

        static IEnumerable<int> Endless()
        {
            long start = TimeProvider.System.GetTimestamp();
            while (TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(Seconds))
            {
                yield return Random.Shared.Next();
            }
        }
    }

    /// <summary>For one input: only what hangs meets it.</summary>
    public static TimeSpan Limit => TimeSpan.FromSeconds(60);
}

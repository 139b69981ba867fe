namespace Tunnel.Framing.Tests.Fuzz;

/// <summary>What one end of a stream does with it.</summary>
internal enum StreamMood
{
    /// <summary>Sends and reads everything.</summary>
    Whole,
    StopSending,
    StopReading,
    NeverFinish,
    AbortFromOutside,
}

/// <summary>Made up from a seed that the opener sends ahead, so that both ends know what the other is going to do.</summary>
internal sealed class StreamPlan
{
    public StreamPlan(int seed)
    {
        Seed = seed;
        var random = new Random(seed);
        Request = Size(random);
        Answer = Size(random);
        ServerMood = MoodOf(random);
        AgentMood = MoodOf(random);
        if (ServerMood == StreamMood.NeverFinish && AgentMood == StreamMood.NeverFinish)
        {
            // Each would read until the other ends.
            AgentMood = StreamMood.Whole;
        }
    }

    public int Seed { get; }

    public int Request { get; }

    public int Answer { get; }

    public StreamMood ServerMood { get; }

    public StreamMood AgentMood { get; }

    private static int Size(Random random) => random.Next(4) switch
    {
        0 => 0,
        1 => random.Next(100),
        2 => random.Next(40_000),
        _ => random.Next(400_000),
    };

    private static StreamMood MoodOf(Random random) => random.Next(8) switch
    {
        0 => StreamMood.StopSending,
        1 => StreamMood.StopReading,
        2 => StreamMood.NeverFinish,
        3 => StreamMood.AbortFromOutside,
        _ => StreamMood.Whole,
    };
}

using Tunnel.Hosting.Options;

namespace Tunnel.Server.Routing;

/// <summary>How long names, sessions and requests wait for an agent that is away.</summary>
public sealed record WaitingOptions
{
    /// <summary>How long a request waits for a session of its name; zero: not at all.</summary>
    public TimeSpan Hold { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long a name is known after its last session ended.</summary>
    public TimeSpan NameMemory { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Requests that wait for a session, in all.</summary>
    public int MaxHeld { get; init; } = 10_000;

    /// <summary>Bytes that these keep in memory, in all; null: as much as <see cref="ServerOptions.MemoryLimit"/> makes of it.</summary>
    public long? MaxHeldBytes { get; init; }

    /// <summary>How long a session without a link waits for its agent; zero: a lost link ends it.</summary>
    public TimeSpan ResumeWindow { get; init; } = TimeSpan.FromSeconds(60);

    internal static IReadOnlyList<OptionDeclaration<WaitingOptions>> Declarations { get; } =
    [
        Declare<WaitingOptions>.Seconds("hold", "How long a request waits for an agent that is not connected; 0: not at all.", o => o.Hold, (o, v) => o with { Hold = v }, mayBeZero: true) with { Group = "When an agent is lost, and when the server stops" },
        Declare<WaitingOptions>.Seconds(
            "resume-window",
            "How long the requests of an agent that lost its connection wait for it; 0: they fail at once.",
            o => o.ResumeWindow,
            (o, v) => o with { ResumeWindow = v },
            mayBeZero: true) with
        {
            Group = "When an agent is lost, and when the server stops",
            Details = "See [When an agent is lost](#when-an-agent-is-lost).",
        },
        Declare<WaitingOptions>.Number("max-held", "Requests that wait for an agent, in all.", o => o.MaxHeld, (o, v) => o with { MaxHeld = v }, 1) with { Group = "Limits for visitors", Details = "Beyond it: 503 `too-busy`." },
    ];
}

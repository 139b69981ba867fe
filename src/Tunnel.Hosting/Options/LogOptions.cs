using Microsoft.Extensions.Logging;

namespace Tunnel.Hosting.Options;

/// <summary>How much a program logs, and how.</summary>
public sealed record LogOptions
{
    public LogLevel Level { get; init; } = LogLevel.Information;

    public bool IsJson { get; init; }

    public static IReadOnlyList<OptionDeclaration<LogOptions>> Declarations { get; } =
    [
        Declare<LogOptions>.Choice(
            "log-level",
            "How much is logged.",
            [
                ("trace", LogLevel.Trace), ("debug", LogLevel.Debug), ("information", LogLevel.Information), ("warning", LogLevel.Warning),
                ("error", LogLevel.Error), ("none", LogLevel.None),
            ],
            o => o.Level,
            (o, v) => o with { Level = v }),
        Declare<LogOptions>.Choice("log-format", "How it is written.", [("text", false), ("json", true)], o => o.IsJson, (o, v) => o with { IsJson = v }),
    ];
}

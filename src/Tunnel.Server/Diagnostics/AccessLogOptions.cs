using Tunnel.Hosting.Options;

namespace Tunnel.Server.Diagnostics;

/// <summary>The log of every request.</summary>
public sealed record AccessLogOptions
{
    /// <summary>File to append the access log to, <c>-</c> for standard output; null: none.</summary>
    public string? File { get; init; }

    public bool IsJson { get; init; }

    internal static IReadOnlyList<OptionDeclaration<AccessLogOptions>> Declarations { get; } =
    [
        Declare<AccessLogOptions>.Path(
            "access-log", "FILE", "Append a line for every request and raw connection to FILE; - is standard output.", o => o.File, (o, v) => o with { File = v }) with
        {
            Group = "Logs and state",
            IsCommon = true,
            DefaultInWords = "none",
            Details = "See [the access log](#the-access-log).",
        },
        Declare<AccessLogOptions>.Choice("access-log-format", "How its lines are written.", [("text", false), ("json", true)], o => o.IsJson, (o, v) => o with { IsJson = v }) with { Group = "Logs and state" },
    ];
}

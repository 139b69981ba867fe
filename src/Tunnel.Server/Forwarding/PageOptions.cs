using Tunnel.Hosting.Options;

namespace Tunnel.Server.Forwarding;

/// <summary>Pages of the server itself.</summary>
public sealed record PageOptions
{
    /// <summary>Where visitors find what the code of an error means; null: they are not told.</summary>
    public ErrorsUrl? ErrorsUrl { get; init; }

    /// <summary>Whoever opens the domain itself is told that a server runs here.</summary>
    public bool HasLandingPage { get; init; } = true;

    internal static IReadOnlyList<OptionDeclaration<PageOptions>> Declarations { get; } =
    [
        Declare<PageOptions>.Of(
            "errors-url",
            "URL",
            "Where visitors find what the code of an error means: the page links to URL#CODE, or to URL with {code} in it replaced.",
            ErrorsUrl.Read,
            static url => url?.ToString(),
            o => o.ErrorsUrl,
            (o, v) => o with { ErrorsUrl = v }) with
        {
            Group = "Pages of the server itself",
            DefaultInWords = "no link",
            Details = "An own copy of [errors.md](errors.md) will do.",
        },
        Declare<PageOptions>.Choice(
            "landing-page", "Whether the domain itself shows that a server runs here, or is not found.", [("on", true), ("off", false)], o => o.HasLandingPage, (o, v) => o with { HasLandingPage = v }) with
        {
            Group = "Pages of the server itself",
        },
    ];
}

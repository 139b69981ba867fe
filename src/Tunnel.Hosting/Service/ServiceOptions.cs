using Tunnel.Hosting.Options;

namespace Tunnel.Hosting.Service;

/// <summary>Options of a command about one service.</summary>
internal interface IOfService
{
    /// <summary>Which one.</summary>
    public ServiceName Name { get; }
}

/// <summary>Which service of the program is meant.</summary>
/// <param name="Text">Empty: the one that most people have.</param>
internal sealed record ServiceName(string Text = "") : IOfService
{
    public static IReadOnlyList<OptionDeclaration<ServiceName>> Declarations { get; } =
    [
        Declare<ServiceName>.Text("name", "NAME", "Which one, where several were made with it.", o => o.Text.Length > 0 ? o.Text : null, (o, v) => o with { Text = v }) with { IsCommon = true },
    ];

    public ServiceName Name => this;

    /// <summary>The declarations, for options of which these are a part.</summary>
    public static IEnumerable<OptionDeclaration<TWhole>> Within<TWhole>(Func<TWhole, ServiceName> get, Func<TWhole, ServiceName, TWhole> set) =>
        Declarations.Select(declaration => declaration.Within(get, set) with { IsCommon = true });
}

internal sealed record UninstallOptions : IOfService
{
    public ServiceName Name { get; init; } = new();

    public bool IsForced { get; init; }

    public static IReadOnlyList<OptionDeclaration<UninstallOptions>> Declarations { get; } =
    [
        .. ServiceName.Within<UninstallOptions>(o => o.Name, (o, v) => o with { Name = v }),
        Declare<UninstallOptions>.Switch("force", "Remove its files even if somebody changed them.", o => o.IsForced, (o, v) => o with { IsForced = v }) with { IsCommon = true },
    ];
}

internal sealed record LogsOptions : IOfService
{
    public ServiceName Name { get; init; } = new();

    public int Lines { get; init; } = 50;

    public bool IsFollowed { get; init; }

    public static IReadOnlyList<OptionDeclaration<LogsOptions>> Declarations { get; } =
    [
        .. ServiceName.Within<LogsOptions>(o => o.Name, (o, v) => o with { Name = v }),
        Declare<LogsOptions>.Number("lines", "How many, the last ones.", o => o.Lines, (o, v) => o with { Lines = v }, 0, 1_000_000) with { Letter = 'n', IsCommon = true },
        Declare<LogsOptions>.Switch("follow", "Go on with what comes, until Ctrl-C.", o => o.IsFollowed, (o, v) => o with { IsFollowed = v }) with { Letter = 'f', IsCommon = true },
    ];
}

/// <summary>How a service is made, whatever program it is of.</summary>
internal sealed record InstallOptions : IOfService
{
    private const string Group = "The service";

    public ServiceName Name { get; init; } = new();

    public string? Account { get; init; }

    public string? FileGroup { get; init; }

    public bool IsDry { get; init; }

    public bool IsForced { get; init; }

    /// <summary>It is not started.</summary>
    public bool IsLeft { get; init; }

    public static IReadOnlyList<OptionDeclaration<InstallOptions>> Declarations { get; } =
    [
        .. new[]
        {
            Declare<InstallOptions>.Text("name", "NAME", "A name of its own, where there are to be several.", o => o.Name.Text.Length > 0 ? o.Name.Text : null, (o, v) => o with { Name = new ServiceName(v) }),
            Declare<InstallOptions>.Text("run-as", "USER", "The account that a service of the machine runs as.", o => o.Account, (o, v) => o with { Account = v }) with
            {
                DefaultInWords = "one that is made for it and can do little",
            },
            Declare<InstallOptions>.Text("group", "GROUP", "A group whose files it may read as well, like that of certificates.", o => o.FileGroup, (o, v) => o with { FileGroup = v }),
            Declare<InstallOptions>.Switch("dry-run", "Show the files and the calls, and do nothing.", o => o.IsDry, (o, v) => o with { IsDry = v }),
            Declare<InstallOptions>.Switch("force", "Write its files even if somebody changed them.", o => o.IsForced, (o, v) => o with { IsForced = v }),
            Declare<InstallOptions>.Switch("no-start", "Do not start it now.", o => o.IsLeft, (o, v) => o with { IsLeft = v }),
        }.Select(declaration => declaration with { Group = Group, IsCommon = true }),
    ];
}

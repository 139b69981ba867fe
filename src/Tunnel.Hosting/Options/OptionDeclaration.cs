namespace Tunnel.Hosting.Options;

/// <summary>How often an option can be given, and with what.</summary>
public enum OptionShape
{
    /// <summary>One value.</summary>
    OneValue,

    /// <summary>Several values: the option several times, the variable with commas, the key with a list.</summary>
    Repeated,

    /// <summary>On or off; on when it is given without a value.</summary>
    Switch,

    /// <summary>One value, or on and nothing more when it is given without one.</summary>
    OptionalValue,
}

/// <summary>
/// One option of a program, declared once: the command line, the environment, the file, help, completion and the tables of
/// docs/operating.md come from here.
/// </summary>
/// <param name="Name">In lower case with hyphens, <c>answer-time</c>: <c>--answer-time</c> on the command line, the same key in a file.</param>
/// <param name="Help">What it is for, in one or two sentences for a person at a terminal.</param>
public abstract record OptionDeclaration(string Name, string Help)
{
    /// <summary>The letter of the short form; null: there is none.</summary>
    public char? Letter { get; init; }

    /// <summary>The feature it belongs to, as a heading of the long help.</summary>
    public string Group { get; init; } = "";

    /// <summary>One of the dozen that people use: part of the short help.</summary>
    public bool IsCommon { get; init; }

    /// <summary>A changed value takes effect while the program runs.</summary>
    public bool IsLive { get; init; }

    /// <summary>The value is the path of a file or folder; in a settings file it is relative to that file.</summary>
    public bool IsPath { get; init; }

    /// <summary>The value is never repeated in a message.</summary>
    public bool IsSecret { get; init; }

    /// <summary>The default in words, where it is not one value; null: it is the value in the program's defaults.</summary>
    public string? DefaultInWords { get; init; }

    /// <summary>What the page of all options says beyond <see cref="Help"/>, in Markdown; null: nothing.</summary>
    public string? Details { get; init; }

    public abstract OptionShape Shape { get; }

    /// <summary>What stands for the value in help, like <c>SECONDS</c>; empty for a switch.</summary>
    public abstract string ValueName { get; }

    /// <summary>The words it takes; empty: others as well.</summary>
    public abstract IReadOnlyList<string> Choices { get; }

    public string Flag => $"--{Name}";

    /// <summary>The environment variable of this option in a program with such variables.</summary>
    public string VariableOf(string prefix) => prefix + Name.Replace('-', '_').ToUpperInvariant();
}

/// <summary>An option that fills a part of <typeparamref name="TOptions"/>, an immutable record.</summary>
public abstract record OptionDeclaration<TOptions>(string Name, string Help) : OptionDeclaration(Name, Help)
{
    /// <summary>The options with the given value in them; as they were, and a fault, when it makes no sense.</summary>
    public abstract TOptions Apply(TOptions options, GivenValue given, OptionFaults faults);

    /// <summary>What is wrong with the value that stands in the options, like <c>--grace takes …</c>; null: nothing.</summary>
    public abstract string? FindFault(TOptions options);

    /// <summary>The value as a person writes it; null: there is none.</summary>
    public abstract string? TextIn(TOptions options);

    /// <summary>The same option, for options of which these are a part.</summary>
    public abstract OptionDeclaration<TWhole> Within<TWhole>(Func<TWhole, TOptions> get, Func<TWhole, TOptions, TWhole> set);
}

/// <summary>What somebody gave for an option.</summary>
/// <param name="Texts">As written; one, unless the option is repeated.</param>
/// <param name="Place">Where it stands, as a message begins: <c>--grace</c>, <c>TUNNEL_SERVER_GRACE</c>, <c>tunnel.yaml:3:5: grace</c>.</param>
public readonly record struct GivenValue(IReadOnlyList<string> Texts, string Place);

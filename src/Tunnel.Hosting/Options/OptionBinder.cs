using System.CommandLine;

namespace Tunnel.Hosting.Options;

/// <summary>
/// The declared options on a command: adds them to it, and reads them from the first place that has them: the command line,
/// the environment, a file, the default.
/// </summary>
public sealed class OptionBinder<TOptions>
{
    private readonly string _environmentPrefix;
    private readonly List<(OptionDeclaration<TOptions> Declaration, Option Option)> _options = [];

    /// <param name="environmentPrefix">Variables are <c>PREFIX_NAME</c>, the underscore included here.</param>
    public OptionBinder(Command command, string environmentPrefix, IEnumerable<OptionDeclaration<TOptions>> declarations)
    {
        _environmentPrefix = environmentPrefix;
        foreach (OptionDeclaration<TOptions> declaration in declarations)
        {
            Option option = declaration.Shape == OptionShape.Switch
                ? new SwitchOnCommand(declaration, environmentPrefix)
                : new OptionOnCommand(declaration, environmentPrefix);
            command.Options.Add(option);
            _options.Add((declaration, option));
        }
    }

    public IEnumerable<OptionDeclaration<TOptions>> Declarations => _options.Select(option => option.Declaration);

    /// <param name="defaults">What holds where nothing is given.</param>
    /// <param name="faults">Takes every mistake.</param>
    /// <param name="file">Values of a file by name; null: there is none.</param>
    public TOptions Bind(ParseResult arguments, TOptions defaults, OptionFaults faults, IReadOnlyDictionary<string, GivenValue>? file = null)
    {
        TOptions options = defaults;
        foreach ((OptionDeclaration<TOptions> declaration, Option option) in _options)
        {
            if (Find(declaration, option, arguments, file) is { } given)
            {
                options = declaration.Apply(options, given, faults);
            }
        }

        return options;
    }

    /// <summary>Whether the option stands on the command line itself.</summary>
    public bool IsOnCommandLine(ParseResult arguments, string name) =>
        _options.Any(option => option.Declaration.Name == name && arguments.GetResult(option.Option) is { Implicit: false });

    /// <summary>The command line that says what the command line and the environment say now, from whatever folder. Without secrets.</summary>
    public IReadOnlyList<string> WordsOf(ParseResult arguments)
    {
        var words = new List<string>();
        foreach ((OptionDeclaration declaration, Option option) in _options)
        {
            if (!declaration.IsSecret && Find(declaration, option, arguments, file: null) is { } given)
            {
                words.AddRange(declaration.Shape == OptionShape.Switch
                    ? [$"{declaration.Flag}{(bool.TryParse(given.Texts[^1], out bool isOn) && isOn ? "" : "=false")}"]
                    : given.Texts.SelectMany(text => new[] { declaration.Flag, declaration.IsPath && text != "-" ? Path.GetFullPath(text) : text }));
            }
        }

        return words;
    }

    private GivenValue? Find(OptionDeclaration declaration, Option option, ParseResult arguments, IReadOnlyDictionary<string, GivenValue>? file)
    {
        if (arguments.GetResult(option) is { Implicit: false } result)
        {
            string[] texts = [.. result.Tokens.Select(token => token.Value)];
            return new GivenValue(texts.Length == 0 && declaration.Shape is OptionShape.Switch or OptionShape.OptionalValue ? ["true"] : texts, declaration.Flag);
        }

        string variable = declaration.VariableOf(_environmentPrefix);
        if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text)
        {
            string[] texts = declaration.Shape == OptionShape.Repeated
                ? text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                : [text];
            return new GivenValue(texts, variable);
        }

        return file is not null && file.TryGetValue(declaration.Name, out GivenValue value) ? value : null;
    }
}

/// <summary>An option of a command that was declared.</summary>
internal interface IOnCommand
{
    public OptionDeclaration Declaration { get; }

    public string Variable { get; }
}

/// <summary>One with a value. The text is the declaration's to read.</summary>
internal sealed class OptionOnCommand : Option<string[]>, IOnCommand
{
    public OptionOnCommand(OptionDeclaration declaration, string environmentPrefix)
        : base(declaration.Flag, declaration.Letter is { } letter ? [$"-{letter}"] : [])
    {
        Declaration = declaration;
        Variable = declaration.VariableOf(environmentPrefix);
        Arity = declaration.Shape switch
        {
            OptionShape.Repeated => ArgumentArity.OneOrMore,
            OptionShape.OptionalValue => ArgumentArity.ZeroOrOne,
            _ => ArgumentArity.ExactlyOne,
        };
        CustomParser = static result => [.. result.Tokens.Select(token => token.Value)];
        CompletionSources.Add([.. declaration.Choices]);
    }

    public OptionDeclaration Declaration { get; }

    public string Variable { get; }
}

/// <summary>One that is on when given; <c>--name=false</c> turns off what the environment or a file has turned on.</summary>
internal sealed class SwitchOnCommand : Option<bool>, IOnCommand
{
    public SwitchOnCommand(OptionDeclaration declaration, string environmentPrefix)
        : base(declaration.Flag, declaration.Letter is { } letter ? [$"-{letter}"] : [])
    {
        Declaration = declaration;
        Variable = declaration.VariableOf(environmentPrefix);
        Arity = ArgumentArity.ZeroOrOne;
    }

    public OptionDeclaration Declaration { get; }

    public string Variable { get; }
}

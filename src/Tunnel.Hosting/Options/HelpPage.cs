using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Text;

namespace Tunnel.Hosting.Options;

/// <summary>
/// What <c>--help</c> and <c>--help-all</c> print, at 80 columns: the options that people use, or all of them by feature, from
/// their declarations.
/// </summary>
public sealed class HelpPage
{
    private const int Width = 79;
    private const int MostLeft = 30;

    private readonly Dictionary<Command, HelpText> _texts = [];
    private readonly Option<bool> _all = new("--help-all") { Description = "Show all options, with their environment variables.", Arity = ArgumentArity.Zero, Recursive = true };

    /// <summary>Takes the place of the command's own help, here and below.</summary>
    public HelpPage(RootCommand root)
    {
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Description = "Show this.";
        help.Action = new Print(this, isWhole: false);
        _all.Action = new Print(this, isWhole: true);
        root.Options.Add(_all);
    }

    /// <summary>What there is to say of a command beyond its options.</summary>
    public void Describe(Command command, HelpText text) => _texts[command] = text;

    /// <param name="isWhole">All options, each with its variable and default.</param>
    public string Of(Command command, bool isWhole)
    {
        var page = new StringBuilder();
        HelpText text = _texts.GetValueOrDefault(command) ?? new HelpText();
        Wrap(page, command.Description ?? "", 0);
        page.Append('\n').Append(Usage(command, text));
        IOnCommand[] options = [.. command.Options.OfType<IOnCommand>()];
        bool isSplit = options.Any(option => option.Declaration.IsCommon);
        Rows(page, "Arguments", [.. command.Arguments.Where(argument => !argument.Hidden).Select(argument => (argument.Name, argument.Description ?? ""))]);
        (string, string)[] others = [.. command.Options.Where(option => option is not IOnCommand).Select(option => (string.Join(", ", [.. option.Aliases.Where(alias => alias[0] == '-').Order(), option.Name]), option.Description ?? ""))];
        if (isWhole)
        {
            foreach (IGrouping<string, IOnCommand> group in options.GroupBy(option => option.Declaration.Group))
            {
                Rows(page, group.Key.Length == 0 ? "Options" : group.Key, [.. group.Select(option => Row(option, isWhole: true, text))]);
            }

            Rows(page, "Help", others);
        }
        else
        {
            Rows(page, "Options", [.. options.Where(option => !isSplit || option.Declaration.IsCommon).Select(option => Row(option, !isSplit, text)), .. others]);
        }

        Rows(page, "Commands", [.. command.Subcommands.Where(below => !below.Hidden).Select(below => (below.Name, below.Description ?? ""))]);
        Examples(page, text);
        return page.ToString();
    }

    private static string Usage(Command command, HelpText text)
    {
        string name = NameOf(command);
        IReadOnlyList<string> forms = text.Usage.Count > 0
            ? text.Usage
            : [string.Join(' ', [.. command.Arguments.Select(argument => argument.Arity.MinimumNumberOfValues > 0 ? argument.Name : $"[{argument.Name}]"), .. command.Subcommands.Count > 0 ? (string[])["COMMAND"] : [], "[options]"])];
        return string.Concat(forms.Select((form, index) => $"{(index == 0 ? "Usage: " : "       ")}{name} {form}\n"));
    }

    private static void Examples(StringBuilder page, HelpText text)
    {
        if (text.Examples.Count == 0)
        {
            return;
        }

        page.Append("\nExamples:\n");
        foreach ((string line, string says) in text.Examples)
        {
            page.Append("  ").Append(line).Append('\n');
            Wrap(page, says, 6);
        }
    }

    private static (string Left, string Right) Row(IOnCommand option, bool isWhole, HelpText text)
    {
        OptionDeclaration declaration = option.Declaration;
        string letter = declaration.Letter is { } character ? $"-{character}, " : "";
        string left = $"{letter}{declaration.Flag}{(declaration.ValueName.Length > 0 ? " " : "")}{declaration.ValueName}";
        var right = new StringBuilder(declaration.Help);
        if (isWhole && declaration.Shape == OptionShape.Repeated)
        {
            right.Append(" May be given several times.");
        }

        if ((declaration.DefaultInWords ?? text.DefaultOf(declaration)) is { Length: > 0 } value && declaration.Shape != OptionShape.Switch)
        {
            right.Append(" Default: ").Append(value).Append('.');
        }

        if (isWhole)
        {
            right.Append(" [").Append(option.Variable).Append(']');
        }

        return (left, right.ToString());
    }

    private static void Rows(StringBuilder page, string heading, (string Left, string Right)[] rows)
    {
        if (rows.Length == 0)
        {
            return;
        }

        int left = Math.Min(MostLeft, rows.Max(row => row.Left.Length));
        page.Append('\n').Append(heading).Append(":\n");
        foreach ((string name, string says) in rows)
        {
            page.Append("  ").Append(name);
            if (name.Length > left)
            {
                page.Append('\n').Append(' ', left + 4);
            }
            else
            {
                page.Append(' ', left - name.Length + 2);
            }

            Wrap(page, says, left + 4, isBegun: true);
        }
    }

    private static void Wrap(StringBuilder page, string text, int indent, bool isBegun = false)
    {
        int column = isBegun ? indent : 0;
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (column > indent && column + 1 + word.Length > Width)
            {
                page.Append('\n');
                column = 0;
            }

            if (column == 0)
            {
                page.Append(' ', indent);
                column = indent;
            }
            else if (column > indent)
            {
                page.Append(' ');
                column++;
            }

            page.Append(word);
            column += word.Length;
        }

        page.Append('\n');
    }

    private static string NameOf(Command command) =>
        string.Join(' ', command.Parents.OfType<Command>().Select(NameOf).Append(command.Name));

    private sealed class Print(HelpPage page, bool isWhole) : SynchronousCommandLineAction
    {
        public override bool Terminating => true;

        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.Write(page.Of(parseResult.CommandResult.Command, isWhole));
            return 0;
        }
    }
}

/// <summary>What help says of a command beyond its options.</summary>
public sealed record HelpText
{
    /// <summary>What follows the command's name, a line each; empty: made from its arguments.</summary>
    public IReadOnlyList<string> Usage { get; init; } = [];

    /// <summary>A command line, and what it does.</summary>
    public IReadOnlyList<(string Line, string Says)> Examples { get; init; } = [];

    /// <summary>The default of an option as a person writes it; null: there is none.</summary>
    public Func<OptionDeclaration, string?> DefaultOf { get; init; } = static _ => null;
}

using System.CommandLine;
using System.CommandLine.Parsing;

namespace Tunnel.Hosting.Options;

/// <summary>What is wrong with a command line before any value is looked at, each with the word that was most likely meant.</summary>
internal static class UsageFaults
{
    public static IReadOnlyList<string> Of(ParseResult result)
    {
        // What no option is may have been taken for an argument.
        IEnumerable<string> arguments = result.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value);
        string[] strangers = [.. arguments.Where(word => word.Length > 1 && word[0] == '-'), .. result.UnmatchedTokens];
        if (strangers.Length == 0)
        {
            return [.. result.Errors.Select(error => error.Message)];
        }

        string[] known = [.. NamesFor(result.CommandResult)];
        string[] options = [.. strangers.Where(word => word.StartsWith('-'))];

        // What follows an unknown option may be its value: to say of it that it is no command would lead astray.
        return [.. (options.Length > 0 ? options : strangers).Select(word => $"'{Printable.Of(NameOf(word))}' is not known here.{NearestWord.Hint(NameOf(word), known)}")];
    }

    private static string NameOf(string word) => word.StartsWith('-') ? word.Split('=', 2)[0] : word;

    private static IEnumerable<string> NamesFor(CommandResult result)
    {
        Command command = result.Command;
        IEnumerable<string> above = result.Parent is CommandResult parent
            ? parent.Command.Options.Where(option => option.Recursive).Select(option => option.Name)
            : [];
        return [.. command.Options.SelectMany(option => option.Aliases.Append(option.Name)), .. command.Subcommands.Select(below => below.Name), .. above];
    }
}

using System.CommandLine;
using Tunnel.Hosting.Options;

namespace Tunnel.Hosting;

/// <summary><c>config check | path | example</c> of either program: is the settings file right, where is it, what does one look like?</summary>
public static class ConfigCommand
{
    /// <param name="path">Where the file is looked for.</param>
    /// <param name="example">A file to begin with.</param>
    /// <param name="check">Adds the options of <c>check</c> and returns what reads the file with them: what it says of a file that is right.</param>
    public static void AddTo(Command root, Func<string> path, string example, Func<Command, Func<ParseResult, OptionFaults, string>> check)
    {
        var checking = new Command("check", "Reads the file and tells every mistake in it.");
        var printing = new Command("path", "Prints where the file is looked for.");
        var showing = new Command("example", "Prints a file to begin with.");
        Func<ParseResult, OptionFaults, string> read = check(checking);
        ProgramRunner.Attach(checking, parsed =>
        {
            var faults = new OptionFaults();
            string right = read(parsed, faults);
            faults.ThrowIfAny();
            return PrintAsync(right);
        });
        ProgramRunner.Attach(printing, _ => PrintAsync(path()));
        ProgramRunner.Attach(showing, _ => PrintAsync(example.TrimEnd()));
        root.Subcommands.Add(new Command("config", "About the settings file: is it right, where is it, what does one look like?") { checking, printing, showing });
    }

    private static async Task<int> PrintAsync(string text)
    {
        await StandardLines.OutAsync(text);
        return ExitCodes.Stopped;
    }
}

using System.CommandLine;

namespace Tunnel.Hosting;

/// <summary>Runs a command the way both programs do: wrong usage is 2, with the fault and where to find help.</summary>
public static class ProgramRunner
{
    /// <param name="run">What the command itself does, as in <see cref="Attach"/>; commands below it have their own.</param>
    public static async Task<int> RunAsync(Command command, string[] arguments, Func<ParseResult, Task<int>> run)
    {
        Attach(command, run);
        ParseResult result = command.Parse(arguments);
        if (result.Errors.Count > 0)
        {
            return await ComplainAsync(result.CommandResult.Command, result.Errors.Select(error => error.Message));
        }

        // Signals are ours: the default handling would cut running requests.
        return await result.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
    }

    /// <summary>Makes this what the command does.</summary>
    /// <param name="run">Returns the exit code. An <see cref="ArgumentException"/> from it is wrong usage; its message names the option.</param>
    public static void Attach(Command command, Func<ParseResult, Task<int>> run) =>
        command.SetAction(async (parsed, _) =>
        {
            try
            {
                return await run(parsed);
            }
            catch (ArgumentException error)
            {
                return await ComplainAsync(command, [error.Message]);
            }
        });

    private static async Task<int> ComplainAsync(Command command, IEnumerable<string> faults)
    {
        foreach (string fault in faults)
        {
            await Console.Error.WriteLineAsync(fault);
        }

        await Console.Error.WriteLineAsync($"Try: {string.Join(' ', Names(command))} --help");
        return ExitCodes.WrongUsage;
    }

    private static IEnumerable<string> Names(Command command) =>
        command.Parents.OfType<Command>().SelectMany(Names).Append(command.Name);
}

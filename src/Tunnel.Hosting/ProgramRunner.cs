using System.CommandLine;
using System.CommandLine.Parsing;
using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Service;

namespace Tunnel.Hosting;

/// <summary>
/// Runs a command the way all programs here do: wrong usage is 2, with the fault and where to find help; whatever else goes
/// wrong is one line and 1.
/// </summary>
public static class ProgramRunner
{
    /// <param name="run">What the command itself does, as in <see cref="Attach"/>; commands below it have their own.</param>
    public static async Task<int> RunAsync(Command command, string[] arguments, Func<ParseResult, Task<int>> run)
    {
        try
        {
            Attach(command, run);
            ParseResult result = command.Parse(ServiceLog.Follow(arguments));

            // A shell that completes a line asks with [suggest:N], and the line behind it is no command of ours.
            bool isAsked = command is RootCommand root && root.Directives.Any(directive => result.GetResult(directive) is not null);
            if (!isAsked && UsageFaults.Of(result) is { Count: > 0 } faults)
            {
                return await ComplainAsync(result.CommandResult.Command, ProgramErrors.WrongUsage, faults);
            }

            // Signals are ours: the default handling would cut running requests.
            return await result.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
        }
        catch (Exception error)
        {
            return await FailAsync(command, error, isDetailed: false);
        }
    }

    /// <summary>Makes this what the command does.</summary>
    /// <param name="run">Returns the exit code. An <see cref="ArgumentException"/> from it is wrong usage; its message names the option.</param>
    public static void Attach(Command command, Func<ParseResult, Task<int>> run) =>
        command.SetAction(async (parsed, _) =>
        {
            if (OpenSsl.FindFault() is { } fault)
            {
                await StandardLines.ErrorAsync(ProgramErrors.OpenSslMissing, fault);
                return ExitCodes.WrongUsage;
            }

            try
            {
                return await run(parsed);
            }
            catch (OptionException error)
            {
                return await ComplainAsync(command, ProgramErrors.WrongUsage, error.Faults);
            }
            catch (ArgumentException error)
            {
                return await ComplainAsync(command, (error as SettingException)?.Error ?? ProgramErrors.WrongUsage, [error.Message]);
            }
            catch (Exception error)
            {
                return await FailAsync(command, error, parsed.GetResult("--log-level") is OptionResult { Tokens: [{ Value: "debug" or "trace" }] });
            }
        });

    private static async Task<int> ComplainAsync(Command command, KnownError error, IEnumerable<string> faults)
    {
        foreach (string fault in faults)
        {
            await StandardLines.ErrorAsync(error, fault);
        }

        await StandardLines.ErrorAsync($"Try: {string.Join(' ', Names(command))} --help");
        return ExitCodes.WrongUsage;
    }

    // What a disk or a network does has a message of its own. Anything else may be a fault of the program, and then its name is
    // a help to whoever looks for it; where it was is for those who ask.
    private static async Task<int> FailAsync(Command command, Exception error, bool isDetailed)
    {
        Exception cause = error.GetBaseException();
        string name = string.Join(' ', Names(command));
        string what = error is IOException or UnauthorizedAccessException ? error.Message : $"{cause.GetType().Name}: {cause.Message}";
        await StandardLines.ErrorAsync(ProgramErrors.Failed, $"{name} failed: {Printable.Of(what)}");
        if (isDetailed)
        {
            await StandardLines.ErrorAsync(error.ToString());
        }

        return ExitCodes.Failed;
    }

    private static IEnumerable<string> Names(Command command) =>
        command.Parents.OfType<Command>().SelectMany(Names).Append(command.Name);
}

using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Files;

namespace Tunnel.Hosting;

/// <summary>
/// Lines for whoever started the program. A reader that does not take them, or has gone, costs at most a moment: neither the
/// start of a program nor its end hangs on it.
/// </summary>
public static class StandardLines
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>On standard output.</summary>
    public static Task OutAsync(string line) => WriteAsync(Console.Out, line);

    /// <summary>On standard error.</summary>
    public static Task ErrorAsync(string line) => WriteAsync(Console.Error, line);

    /// <summary>On standard error, with the code of what is wrong behind it.</summary>
    public static Task ErrorAsync(KnownError error, string line) => ErrorAsync(error.Mark(line));

    /// <summary>Writes a line on a thread of its own, and waits a moment for it.</summary>
    public static async Task WriteAsync(TextWriter output, string line)
    {
        Task write = Task.Run(() =>
        {
            output.WriteLine(line);
            output.Flush();
        });
        try
        {
            await write.WaitAsync(Patience, TimeProvider.System);
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            // A full pipe, a full disk, nobody there: who reads it was to know, and does not want to.
        }
    }
}

using System.Text;

namespace Tunnel.Agent.Identity;

/// <summary>A line that a person types or pastes at a terminal and that the terminal does not show.</summary>
internal static class HiddenLine
{
    private const char EndOfInput = '\u0004';

    /// <param name="prompt">Written to standard error once the terminal does not echo any more.</param>
    /// <param name="most">Characters; what is beyond them is dropped.</param>
    /// <returns>Without its end.</returns>
    public static async Task<string> ReadAsync(string prompt, int most)
    {
        // The terminal echoes until the runtime first looks at its keys; from then on it leaves the echo off, and turns it on
        // again when the process ends, by Ctrl-C as well.
        _ = System.Console.KeyAvailable;
        await System.Console.Error.WriteLineAsync(prompt);
        return Read(static () => System.Console.ReadKey(intercept: true), most);
    }

    internal static string Read(Func<ConsoleKeyInfo> readKey, int most)
    {
        var line = new StringBuilder();
        while (true)
        {
            ConsoleKeyInfo key = readKey();
            if (key.Key == ConsoleKey.Enter || key.KeyChar is '\r' or '\n' or EndOfInput)
            {
                return line.ToString();
            }

            if (key.Key == ConsoleKey.Backspace)
            {
                line.Length = Math.Max(0, line.Length - 1);
            }
            else if (!char.IsControl(key.KeyChar) && line.Length < most)
            {
                line.Append(key.KeyChar);
            }
        }
    }
}

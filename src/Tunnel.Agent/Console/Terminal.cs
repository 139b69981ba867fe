using System.Text;
using Tunnel.Hosting;
using Tunnel.Hosting.Files;

namespace Tunnel.Agent.Console;

/// <summary>The terminal on standard output. One that takes nothing, or has gone, costs pictures, and nobody waits for it.</summary>
internal sealed class Terminal
{
    // The picture is on the terminal's second screen, so that a change of size tears nothing, and what was on the first one comes back.
    private const string Enter = "\e[?1049h\e[?25l";
    private const string Leave = "\e[?25h\e[?1049l";
    private const string Home = "\e[H";
    private const string RestOfLine = "\e[K";
    private const string RestOfScreen = "\e[J";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Stream _output = System.Console.OpenStandardOutput();
    private Task _write = Task.CompletedTask;
    private bool _isEntered;

    private Terminal()
    {
    }

    /// <summary>Without colours where its person wants none (no-color.org).</summary>
    public TextStyles Styles { get; } = string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) ? TextStyles.Colors : TextStyles.Bold;

    /// <summary>Columns and lines.</summary>
    public static (int Width, int Height) Size => (System.Console.WindowWidth, System.Console.WindowHeight);

    /// <summary>Null: standard output is no terminal, or one that cannot be drawn on.</summary>
    public static Terminal? Find()
    {
        if (System.Console.IsOutputRedirected || !TakesSequences())
        {
            return null;
        }

        (int width, int height) = Size;
        return width > 0 && height > 0 ? new Terminal() : null;
    }

    /// <summary>Shows a picture in place of the last one; false: the last one has not been taken yet.</summary>
    public bool TryShow(IReadOnlyList<string> lines)
    {
        if (!_write.IsCompleted)
        {
            return false;
        }

        Write($"{(_isEntered ? "" : Enter)}{Home}{string.Join("\r\n", lines.Select(line => line + RestOfLine))}{RestOfScreen}");
        _isEntered = true;
        return true;
    }

    /// <summary>What was there before comes back, and these lines stand below it for good.</summary>
    public async Task LeaveAsync(IReadOnlyList<string> lines)
    {
        if (_isEntered && await IsFreeAsync())
        {
            Write($"{Leave}{string.Concat(lines.Select(line => line + "\r\n"))}");
            await IsFreeAsync();
        }
    }

    private static bool TakesSequences() => OperatingSystem.IsWindows()
        ? WindowsConsole.TryTakeSequences()
        : Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    private void Write(string text) => _write = Task.Run(() =>
    {
        try
        {
            _output.Write(Encoding.ASCII.GetBytes(text));
            _output.Flush();
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            // It has gone; SIGHUP says so as well.
        }
    });

    private async Task<bool> IsFreeAsync()
    {
        await _write.WaitAsync(Patience, TimeProvider.System).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return _write.IsCompleted;
    }
}

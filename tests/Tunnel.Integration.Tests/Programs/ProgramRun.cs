using System.Diagnostics;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Programs;

/// <summary>Another program, run for a test. Disposing ends it.</summary>
public sealed class ProgramRun : IAsyncDisposable
{
    private readonly Process _process;

    private ProgramRun(Process process) => _process = process;

    public StreamReader Output => _process.StandardOutput;

    /// <summary>Starts it with this folder as its own.</summary>
    public static ProgramRun Start(string folder, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(InstalledPrograms.Find(program)!, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process process = Process.Start(start)!;

        // Read and dropped: a pipe that nobody empties would stop the program.
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        return new ProgramRun(process);
    }

    /// <summary>Runs it to its end.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has what it printed.</exception>
    public static async Task<string> RunAsync(string folder, string program, params string[] arguments)
    {
        await using ProgramRun run = Start(folder, program, arguments);
        string output = await run.Output.ReadToEndAsync().Within(TimeSpan.FromMinutes(2));
        await run._process.WaitForExitAsync().Within();
        return run._process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program}: {run._process.ExitCode} {output}");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync().Within();
        }

        _process.Dispose();
    }
}

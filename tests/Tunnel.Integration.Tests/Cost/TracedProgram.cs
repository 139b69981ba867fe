using System.Text.RegularExpressions;
using Tunnel.Integration.Tests.Programs;

namespace Tunnel.Integration.Tests.Cost;

/// <summary>One of our programs under strace, which writes a line for each system call.</summary>
public sealed partial class TracedProgram : IAsyncDisposable
{
    private readonly ProgramRun _run;
    private readonly string _trace;

    private TracedProgram(ProgramRun run, string trace)
    {
        _run = run;
        _trace = trace;
    }

    public StreamReader Output => _run.Output;

    /// <param name="folder">Its own, and that of the trace.</param>
    /// <param name="name">Beside this test: <c>tunnel-server</c>, <c>tunnel-agent</c>.</param>
    public static TracedProgram Start(string folder, string name, params string[] arguments)
    {
        string trace = Path.Combine(folder, $"{name}.trace");
        string program = Path.Combine(AppContext.BaseDirectory, $"{name}.dll");
        return new TracedProgram(
            ProgramRun.Start(folder, "strace", ["-f", "-qq", "-e", "signal=none", "-o", trace, Environment.ProcessPath!, program, .. arguments]),
            trace);
    }

    /// <summary>The calls of each name while this ran.</summary>
    public async Task<Dictionary<string, int>> CountAsync(Action act)
    {
        await using FileStream trace = new(_trace, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        trace.Seek(0, SeekOrigin.End);
        act();
        string lines = await new StreamReader(trace).ReadToEndAsync();
        return Calls().Matches(lines).CountBy(static call => call.Groups[1].Value).ToDictionary();
    }

    public ValueTask DisposeAsync() => _run.DisposeAsync();

    // A call that others interrupt has a second line, which begins with its end.
    [GeneratedRegex(@"^\d+ +(\w+)\(", RegexOptions.Multiline)]
    private static partial Regex Calls();
}

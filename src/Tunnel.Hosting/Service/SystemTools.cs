using System.ComponentModel;
using System.Diagnostics;
using Tunnel.Hosting.Errors;

namespace Tunnel.Hosting.Service;

/// <summary>One call of a program of the system; no shell sees it.</summary>
/// <param name="MayFail">It puts something away that may not be there.</param>
public sealed record ToolCall(string Program, IReadOnlyList<string> Arguments, bool MayFail = false)
{
    /// <summary>As a person would type it.</summary>
    public override string ToString() => string.Join(' ', [Program, .. Arguments.Select(word => word.Contains(' ', StringComparison.Ordinal) ? $"'{word}'" : word)]);
}

/// <summary>How a call ended.</summary>
/// <param name="Output">Of standard output.</param>
/// <param name="Error">Of standard error.</param>
public sealed record ToolResult(int Code, string Output, string Error);

/// <summary>Runs the system's own programs.</summary>
public interface ISystemTools
{
    /// <summary>Runs it to its end.</summary>
    /// <exception cref="ServiceException">It is not there.</exception>
    public Task<ToolResult> RunAsync(ToolCall call);

    /// <summary>Runs it on this terminal; returns its exit code.</summary>
    /// <exception cref="ServiceException">It is not there.</exception>
    public Task<int> ShowAsync(ToolCall call);
}

/// <inheritdoc cref="ISystemTools"/>
/// <remarks>
/// They are looked for in PATH and where systems keep them, never in the working folder: root may stand in somebody else's.
/// </remarks>
/// <param name="environment">Variables for them beside our own.</param>
public sealed class SystemTools(IReadOnlyDictionary<string, string> environment) : ISystemTools
{
    private static readonly string[] UsualFolders = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

    public async Task<ToolResult> RunAsync(ToolCall call)
    {
        using Process process = Start(call, isShown: false);
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new ToolResult(process.ExitCode, output, await error);
    }

    public async Task<int> ShowAsync(ToolCall call)
    {
        using Process process = Start(call, isShown: true);
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    private Process Start(ToolCall call, bool isShown)
    {
        string path = Find(call.Program) ?? throw new ServiceException(ProgramErrors.ServiceUnsupported, $"This machine has no {call.Program}.");
        var start = new ProcessStartInfo(path, call.Arguments) { RedirectStandardOutput = !isShown, RedirectStandardError = !isShown };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw new ServiceException(ProgramErrors.ServiceToolFailed, $"{path} cannot be started: {error.Message}", error);
        }
    }

    private static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Where(folder => folder.StartsWith('/')).Concat(UsualFolders)
            .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
}

/// <summary>A service cannot be made, steered or removed, for a reason that has a code. The message is for a person.</summary>
public sealed class ServiceException(KnownError error, string message, Exception? inner = null) : Exception(message, inner)
{
    public KnownError Error { get; } = error;
}

namespace Tunnel.Hosting.Service;

/// <summary>The program that runs, as somebody else can start it.</summary>
public static class ThisProgram
{
    /// <summary>The words before its arguments: its own file, or a runtime and that.</summary>
    public static IReadOnlyList<string> Command => Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) != "dotnet"
        ? [path]
        : [Environment.ProcessPath!, Path.GetFullPath(Environment.GetCommandLineArgs()[0])];
}

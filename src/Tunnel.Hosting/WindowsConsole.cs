using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Tunnel.Hosting;

/// <summary>A console of Windows takes escape sequences only when it is asked to.</summary>
[SupportedOSPlatform("windows")]
public static partial class WindowsConsole
{
    private const int StandardOutput = -11;
    private const uint VirtualTerminalProcessing = 4;

    /// <summary>False: it is older than Windows 10, or no console.</summary>
    public static bool TryTakeSequences() =>
        GetConsoleMode(GetStdHandle(StandardOutput), out uint mode) && SetConsoleMode(GetStdHandle(StandardOutput), mode | VirtualTerminalProcessing);

    [LibraryImport("kernel32")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial nint GetStdHandle(int number);

    [LibraryImport("kernel32")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetConsoleMode(nint console, out uint mode);

    [LibraryImport("kernel32")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool SetConsoleMode(nint console, uint mode);
}

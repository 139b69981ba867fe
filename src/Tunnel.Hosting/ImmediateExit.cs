using System.Runtime.InteropServices;

namespace Tunnel.Hosting;

/// <summary>Ends the process at once: unlike <see cref="Environment.Exit"/> it waits for no other thread and runs nothing.</summary>
internal static partial class ImmediateExit
{
    public static void Now(int code)
    {
        if (OperatingSystem.IsLinux() || OperatingSystem.IsMacOS())
        {
            Exit(code);
        }

        Environment.Exit(code);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void Exit(int code);
}

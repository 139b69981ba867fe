using System.Runtime.InteropServices;

namespace Tunnel.Hosting;

/// <summary>
/// How many files and connections this process may have open (RLIMIT_NOFILE). Systems start programs with a low limit that each
/// may raise itself; the runtime does that when it compiles while it runs, native programs have to.
/// </summary>
public static partial class DescriptorLimit
{
    /// <summary>What a program needs beside its connections: logs, state, listeners, the runtime's own.</summary>
    public const int Own = 128;

    // bits/resource.h
    private const int OpenFiles = 7;

    /// <summary>Lifts the limit as far as it may go.</summary>
    /// <returns>The limit that holds now; what cannot be told is none.</returns>
    public static long Lift()
    {
        if (!OperatingSystem.IsLinux() || Get(OpenFiles, out Limits limits) != 0)
        {
            return long.MaxValue;
        }

        if (limits.Now < limits.Most)
        {
            Limits raised = limits with { Now = limits.Most };
            limits = Set(OpenFiles, in raised) == 0 ? raised : limits;
        }

        return (long)Math.Min(limits.Now, long.MaxValue);
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Get(int resource, out Limits limits);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Set(int resource, in Limits limits);

    [StructLayout(LayoutKind.Sequential)]
    private record struct Limits(nuint Now, nuint Most);
}

using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Tunnel.Hosting.Service;

/// <summary>
/// A file in place of standard output and error, for a service whose system has no such setting. The program opens it itself: where
/// another one in front of it did, the system would stop that one, and this one would go on.
/// </summary>
internal static partial class ServiceLog
{
    // GetStdHandle, "STD_OUTPUT_HANDLE" and "STD_ERROR_HANDLE".
    private const int StandardOutput = -11;
    private const int StandardError = -12;

    /// <summary>What stands in front of the arguments of such a service.</summary>
    public static string[] Words(string path) => ["service", "run", path];

    /// <summary>Takes those words away, and does what they say.</summary>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">This account may not write it.</exception>
    public static string[] Follow(string[] arguments)
    {
        if (arguments is not ["service", "run", var path, .. var rest])
        {
            return arguments;
        }

        // Until the process ends.
        var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        TextWriter writer = TextWriter.Synchronized(new StreamWriter(file, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true });
        Console.SetOut(writer);
        Console.SetError(writer);
        if (OperatingSystem.IsWindows())
        {
            // The window was opened for this process alone. Who asks whether the output is a terminal asks the handles.
            _ = FreeConsole();
            _ = SetStdHandle(StandardOutput, file.SafeFileHandle);
            _ = SetStdHandle(StandardError, file.SafeFileHandle);
        }

        return rest;
    }

    [SupportedOSPlatform("windows")]
    [LibraryImport("kernel32")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool SetStdHandle(int number, SafeFileHandle handle);

    [SupportedOSPlatform("windows")]
    [LibraryImport("kernel32")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool FreeConsole();
}

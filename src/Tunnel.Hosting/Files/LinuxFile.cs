using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Tunnel.Hosting.Files;

/// <summary>Opens files in the ways that .NET has no word for.</summary>
[SupportedOSPlatform("linux")]
internal static partial class LinuxFile
{
    // asm-generic/fcntl.h; the same on x64 and arm64.
    private const int ReadOnly = 0;
    private const int DoNotBlock = 0x800;
    private const int CloseOnExec = 0x80000;

    // asm-generic/errno-base.h
    private const int NoEntry = 2;
    private const int NoDeviceOrAddress = 6;
    private const int AccessDenied = 13;
    private const int NotAFolder = 20;

    /// <summary>Opens a regular file. Never waits for another process, as opening a FIFO would.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="IOException">It is something else, or cannot be opened.</exception>
    public static SafeFileHandle OpenToRead(string path)
    {
        SafeFileHandle file = Open(path, ReadOnly | DoNotBlock | CloseOnExec, 0);
        try
        {
            if (file.IsInvalid)
            {
                throw FaultOf(Marshal.GetLastPInvokeError(), path);
            }

            return FileStatus.Of(file) is { IsRegular: false, Kind: var kind } ? throw new IOException($"it is {kind}, not a file.") : file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static Exception FaultOf(int code, string path) => code switch
    {
        NoEntry or NotAFolder => new FileNotFoundException("There is no such file.", path),
        AccessDenied => new UnauthorizedAccessException($"{path} may not be used."),
        NoDeviceOrAddress => new IOException("it is a socket, not a file."),
        _ => new IOException($"{Marshal.GetPInvokeErrorMessage(code)}."),
    };

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial SafeFileHandle Open(string path, int flags, int mode);
}

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
    private const int WriteOnly = 1;
    private const int Create = 0x40;
    private const int NoTerminal = 0x100;
    private const int Append = 0x400;
    private const int DoNotBlock = 0x800;
    private const int CloseOnExec = 0x80000;

    // asm-generic/errno-base.h
    private const int NoEntry = 2;
    private const int Interrupted = 4;
    private const int NoDeviceOrAddress = 6;
    private const int TryAgain = 11;
    private const int AccessDenied = 13;
    private const int NotAFolder = 20;

    private const int SetFlags = 4;
    private const int ReadableForAll = 0x1B6;
    private const short Writable = 4;

    /// <summary>Opens a regular file, or a pipe. Never waits for another process, as opening a FIFO would.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="IOException">It is something else, or cannot be opened.</exception>
    public static SafeFileHandle OpenToRead(string path, bool mayBePipe)
    {
        SafeFileHandle file = Open(path, ReadOnly | DoNotBlock | CloseOnExec, 0);
        try
        {
            if (file.IsInvalid)
            {
                throw FaultOf(Marshal.GetLastPInvokeError(), path);
            }

            if (FileStatus.Of(file) is { IsRegular: false } status && !(mayBePipe && status.IsPipe))
            {
                throw new IOException($"it is {status.Kind}, not a file.");
            }

            // That was for the opening alone.
            _ = Control(file, SetFlags, 0);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Opens a file to append to, whoever else does; makes it, readable for all as the process's mask has it. What is written to a FIFO
    /// waits for its reader, but there has to be one.
    /// </summary>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static SafeFileHandle OpenToAppend(string path)
    {
        SafeFileHandle file = Open(path, WriteOnly | Create | Append | DoNotBlock | NoTerminal | CloseOnExec, ReadableForAll);
        if (file.IsInvalid)
        {
            int code = Marshal.GetLastPInvokeError();
            file.Dispose();
            throw code == NoDeviceOrAddress ? new IOException("it is a FIFO that nobody reads. Start its reader first.") : FaultOf(code, path);
        }

        // That was for the opening alone.
        _ = Control(file, SetFlags, Append);
        return file;
    }

    /// <summary>Writes some of it, at least a byte; waits for whoever reads.</summary>
    /// <exception cref="IOException">Nothing can be written.</exception>
    public static int Write(SafeFileHandle file, ReadOnlySpan<byte> bytes)
    {
        while (true)
        {
            nint taken = Write(file, ref MemoryMarshal.GetReference(bytes), (nuint)bytes.Length);
            if (taken > 0)
            {
                return (int)taken;
            }

            int code = Marshal.GetLastPInvokeError();
            if (code == TryAgain)
            {
                // Whoever gave us this pipe has made it one that never waits.
                var poll = new Poll { Descriptor = (int)file.DangerousGetHandle(), Events = Writable };
                _ = Wait(ref poll, 1, -1);
            }
            else if (code != Interrupted)
            {
                throw new IOException($"{Marshal.GetPInvokeErrorMessage(code)}.");
            }
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

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Write(SafeFileHandle file, ref byte bytes, nuint count);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Control(SafeFileHandle file, int command, int flags);

    [LibraryImport("libc", EntryPoint = "poll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Wait(ref Poll poll, nuint count, int milliseconds);

    [StructLayout(LayoutKind.Sequential)]
    private struct Poll
    {
        public int Descriptor;
        public short Events;
        public short Happened;
    }
}

using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Tunnel.Hosting;

/// <summary>
/// What a program does when it is refused memory: it ends at once, with one line and <see cref="ExitCodes.Failed"/>. Nothing
/// that was under way can be trusted to be whole, and a thread that goes on without its work hangs those that wait for it.
/// Whoever started the program may start it again.
/// </summary>
public static partial class OutOfMemory
{
    private const int StandardError = 2;

    // Made beforehand: in the moment there may be nothing to make it with.
    private static readonly byte[] Line =
        "Out of memory: the program ends. Give it more, or let it hold less for its peers with --memory-limit. [out-of-memory]\n"u8.ToArray();

    /// <summary>From here on that is so, whichever thread is refused.</summary>
    public static void EndsTheProcess()
    {
        if (!OperatingSystem.IsWindows())
        {
            // Bound now: to find a library takes memory.
            Write(StandardError, ref MemoryMarshal.GetArrayDataReference(Line), 0);
            _ = TakesALine(StandardError);
        }

        AppDomain.CurrentDomain.FirstChanceException += OnException;
    }

    /// <summary>As it is thrown, before anybody can catch it.</summary>
    private static void OnException(object? sender, FirstChanceExceptionEventArgs thrown)
    {
        if (thrown.Exception is OutOfMemoryException)
        {
            EndNow();
        }
    }

    private static void EndNow()
    {
        if (OperatingSystem.IsWindows())
        {
            ImmediateExit.Now(ExitCodes.Failed);
        }

        // None of these allocates, or waits for another thread or for whoever reads the line.
        if (TakesALine(StandardError))
        {
            Write(StandardError, ref MemoryMarshal.GetArrayDataReference(Line), (nuint)Line.Length);
        }

        ImmediateExit.Now(ExitCodes.Failed);
    }

    // A pipe says so only when a write of this size would not wait (pipe(7), PIPE_BUF).
    private static bool TakesALine(int descriptor)
    {
        var asked = new PollRequest { Descriptor = descriptor, Events = PollRequest.Writable };
        return Poll(ref asked, 1, timeout: 0) == 1 && (asked.Returned & PollRequest.Writable) != 0;
    }

    [LibraryImport("libc", EntryPoint = "write")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Write(int descriptor, ref byte bytes, nuint count);

    [LibraryImport("libc", EntryPoint = "poll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Poll(ref PollRequest requests, nuint count, int timeout);

    // poll.h, struct pollfd; the same on Linux and macOS.
    [StructLayout(LayoutKind.Sequential)]
    private struct PollRequest
    {
        public const short Writable = 4;

        public int Descriptor;
        public short Events;
        public short Returned;
    }
}

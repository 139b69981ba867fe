using System.Runtime.InteropServices;

namespace Tunnel.Transport.EventThreads;

/// <summary>How Linux schedules the thread that asks (sched(7)).</summary>
internal static partial class ThreadPolicy
{
    private const int SchedBatch = 3;

    /// <summary>
    /// A thread with much to do that nobody waits for in person: it does not push others off a processor when it is woken, so
    /// that more has gathered for it when its turn comes (docs/performance.md). A wish; where it is refused nothing changes.
    /// </summary>
    public static void Batch()
    {
        int priority = 0;
        _ = SetScheduler(0, SchedBatch, in priority);
    }

    [LibraryImport("libc", EntryPoint = "sched_setscheduler")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetScheduler(int thread, int policy, in int priority);
}

using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tunnel.Transport.EventThreads;

/// <summary>Linux's epoll(7) and the eventfd(2) that wakes who waits in it. Registrations are edge-triggered.</summary>
internal static partial class Epoll
{
    public const uint Readable = 0x1;
    public const uint Urgent = 0x2;
    public const uint Writable = 0x4;
    public const uint Failed = 0x8;
    public const uint Gone = 0x10;
    public const uint PeerEnded = 0x2000;

    private const uint EdgeTriggered = 1u << 31;
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int Add = 1;
    private const int Delete = 2;
    private const int Interrupted = 4;

    // struct epoll_event is packed on x86-64 and nowhere else.
    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;

    /// <summary>Bytes of one event.</summary>
    public static int EventSize { get; } = DataOffset + sizeof(ulong);

    /// <summary>Null: the system has no more descriptors, or forbids it.</summary>
    public static SafeFileHandle? TryCreate() => OrNull(Create(CloseOnExec));

    /// <inheritdoc cref="TryCreate"/>
    public static SafeFileHandle? TryCreateEvent() => OrNull(EventFd(0, CloseOnExec | NonBlocking));

    /// <summary>From now on events of the descriptor come with the data. False: the system refused.</summary>
    public static bool TryAdd(SafeHandle epoll, SafeHandle descriptor, ulong data)
    {
        Span<byte> wanted = stackalloc byte[EventSize];
        uint flags = Readable | Urgent | Writable | PeerEnded | EdgeTriggered;
        MemoryMarshal.Write(wanted, in flags);
        MemoryMarshal.Write(wanted[DataOffset..], in data);
        return Control(epoll, Add, descriptor, wanted) == 0;
    }

    /// <summary>Needed only for descriptors that stay open.</summary>
    public static void Remove(SafeHandle epoll, SafeHandle descriptor)
    {
        Span<byte> nothing = stackalloc byte[EventSize];
        _ = Control(epoll, Delete, descriptor, nothing);
    }

    /// <param name="epoll">From <see cref="TryCreate"/>.</param>
    /// <param name="events">Room for the events.</param>
    /// <param name="isPatient">Waits until something happens.</param>
    /// <returns>The number of events.</returns>
    public static int Wait(SafeHandle epoll, Span<byte> events, bool isPatient)
    {
        int count = WaitFor(epoll, events, events.Length / EventSize, isPatient ? -1 : 0);
        if (count >= 0)
        {
            return count;
        }

        int error = Marshal.GetLastPInvokeError();
        return error == Interrupted ? 0 : throw new Win32Exception(error);
    }

    public static (uint Flags, ulong Data) Read(ReadOnlySpan<byte> events, int index)
    {
        ReadOnlySpan<byte> one = events[(index * EventSize)..];
        return (MemoryMarshal.Read<uint>(one), MemoryMarshal.Read<ulong>(one[DataOffset..]));
    }

    /// <summary>Each call is an event of its own.</summary>
    public static void Raise(SafeHandle eventDescriptor)
    {
        ulong one = 1;
        _ = Write(eventDescriptor, in one, sizeof(ulong));
    }

    private static SafeFileHandle? OrNull(int descriptor) => descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Create(int flags);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int EventFd(uint value, int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Control(SafeHandle epoll, int operation, SafeHandle descriptor, Span<byte> wanted);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int WaitFor(SafeHandle epoll, Span<byte> events, int most, int milliseconds);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Write(SafeHandle descriptor, in ulong value, nint count);
}

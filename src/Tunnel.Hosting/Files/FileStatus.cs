using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Tunnel.Hosting.Files;

/// <summary>What the system says of a file (statx): what .NET has no call for.</summary>
/// <param name="Mode">Kind and permissions.</param>
/// <param name="Volume">The file system; with <paramref name="Number"/> it says which file this is.</param>
/// <param name="Number">Of the file in its file system (its inode).</param>
[SupportedOSPlatform("linux")]
internal readonly partial record struct FileStatus(ushort Mode, uint User, uint Group, ulong Volume, ulong Number)
{
    private const ushort KindMask = 0xF000;
    private const ushort Regular = 0x8000;
    private const ushort Pipe = 0x1000;
    private const int CurrentFolder = -100;
    private const int OfTheDescriptor = 0x1000;

    // STATX_BASIC_STATS
    private const uint Everything = 0x7FF;

    public bool IsRegular => (Mode & KindMask) == Regular;

    public bool IsPipe => (Mode & KindMask) == Pipe;

    public bool IsSameFile(FileStatus other) => (Volume, Number) == (other.Volume, other.Number);

    /// <summary>As a person calls it.</summary>
    public string Kind => (Mode & KindMask) switch
    {
        Regular => "a file",
        0x4000 => "a folder",
        Pipe => "a FIFO",
        0xC000 => "a socket",
        _ => "a device",
    };

    /// <summary>A link is followed. Null when there is no such file, or it cannot be told.</summary>
    public static FileStatus? Of(string path)
    {
        Buffer buffer = default;
        return Status(CurrentFolder, path, 0, Everything, ref buffer) == 0 ? From(buffer) : null;
    }

    /// <summary>Of an open file.</summary>
    public static FileStatus? Of(SafeFileHandle file)
    {
        Buffer buffer = default;
        bool isHeld = false;
        try
        {
            file.DangerousAddRef(ref isHeld);
            return Status((int)file.DangerousGetHandle(), "", OfTheDescriptor, Everything, ref buffer) == 0 ? From(buffer) : null;
        }
        finally
        {
            if (isHeld)
            {
                file.DangerousRelease();
            }
        }
    }

    private static FileStatus From(in Buffer buffer) => new(
        buffer.Mode, buffer.User, buffer.Group, ((ulong)buffer.VolumeMajor << 32) | buffer.VolumeMinor, buffer.Number);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Status(int folder, string path, int flags, uint mask, ref Buffer buffer);

    // linux/stat.h, struct statx
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Buffer
    {
        [FieldOffset(20)]
        public uint User;

        [FieldOffset(24)]
        public uint Group;

        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(32)]
        public ulong Number;

        [FieldOffset(136)]
        public uint VolumeMajor;

        [FieldOffset(140)]
        public uint VolumeMinor;
    }
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Tunnel.Hosting.Secrets;

/// <summary>What a folder of secrets needs from Unix and .NET has no call for. Does nothing elsewhere.</summary>
internal static partial class UnixFolder
{
    /// <summary>Brings the folder's entries to the disk: without it a power cut may undo a rename.</summary>
    public static void Flush(string folder)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
        {
            return;
        }

        const int ReadOnly = 0;
        int descriptor = Open(folder, ReadOnly);
        if (descriptor >= 0)
        {
            // A file system that cannot is no worse off than before.
            _ = Sync(descriptor);
            _ = Close(descriptor);
        }
    }

    /// <summary>
    /// Gives a file that root wrote to the folder's owner: a server that runs as somebody else must be able to read what
    /// 'sudo tunnel-server token create' wrote. Never follows a link: whoever owns the folder may have put one there, to be
    /// given a file of root's.
    /// </summary>
    public static void GiveToOwner(string folder, string path)
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            return;
        }

        const int CurrentFolder = -100;
        const uint UserAndGroup = 0x18;
        const int UserAt = 20;
        const int GroupAt = 24;
        Span<byte> status = stackalloc byte[256];
        if (Status(CurrentFolder, folder, 0, UserAndGroup, ref MemoryMarshal.GetReference(status)) == 0)
        {
            uint user = BitConverter.IsLittleEndian
                ? BinaryPrimitives.ReadUInt32LittleEndian(status[UserAt..])
                : BinaryPrimitives.ReadUInt32BigEndian(status[UserAt..]);
            uint group = BitConverter.IsLittleEndian
                ? BinaryPrimitives.ReadUInt32LittleEndian(status[GroupAt..])
                : BinaryPrimitives.ReadUInt32BigEndian(status[GroupAt..]);
            _ = ChangeOwner(path, user, group);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Status(int folder, string path, int flags, uint mask, ref byte status);

    [LibraryImport("libc", EntryPoint = "lchown", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int ChangeOwner(string path, uint user, uint group);
}

using System.Runtime.InteropServices;
using Tunnel.Hosting.Files;

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

        if (FileStatus.Of(folder) is { } status)
        {
            _ = ChangeOwner(path, status.User, status.Group);
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

    [LibraryImport("libc", EntryPoint = "lchown", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int ChangeOwner(string path, uint user, uint group);
}

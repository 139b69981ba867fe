namespace Tunnel.Hosting.Secrets;

/// <summary>
/// One writer at a time in a folder, across processes. The system lets go of the lock when its holder dies, however it
/// dies.
/// </summary>
public sealed class FolderLock : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly FileStream _file;

    private FolderLock(FileStream file) => _file = file;

    /// <param name="folder">Exists.</param>
    /// <param name="patience">How long another holder is waited for.</param>
    /// <exception cref="IOException">The other holder did not let go in time, or the disk does not take the file.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder does not belong to this user.</exception>
    public static async Task<FolderLock> TakeAsync(string folder, TimeSpan patience, TimeProvider time, CancellationToken cancel = default)
    {
        long since = time.GetTimestamp();
        while (true)
        {
            if (TryTake(folder) is { } taken)
            {
                return taken;
            }

            if (time.GetElapsedTime(since) >= patience)
            {
                throw new IOException($"{PathIn(folder)} is held by another process.");
            }

            await Task.Delay(Pause, time, cancel);
        }
    }

    /// <summary>Null: somebody else has it.</summary>
    /// <param name="folder">Exists.</param>
    /// <exception cref="IOException">The disk does not take the file.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder does not belong to this user.</exception>
    public static FolderLock? TryTake(string folder)
    {
        string path = PathIn(folder);
        try
        {
            FileStream file = OwnerOnlyFile.Open(path, FileMode.OpenOrCreate, FileShare.None);
            UnixFolder.GiveToOwner(folder, path);
            return new FolderLock(file);
        }
        catch (IOException error) when (IsHeld(error))
        {
            return null;
        }
    }

    public void Dispose() => _file.Dispose();

    private static string PathIn(string folder) => Path.Combine(folder, "lock");

    // Nothing else is worth waiting for: a disk that is full or read-only stays so.
    private static bool IsHeld(IOException error)
    {
        const int WindowsSharing = unchecked((int)0x8007_0020);
        const int LinuxWouldBlock = 11;
        const int MacWouldBlock = 35;
        return error.HResult == (OperatingSystem.IsWindows() ? WindowsSharing : OperatingSystem.IsLinux() ? LinuxWouldBlock : MacWouldBlock);
    }
}

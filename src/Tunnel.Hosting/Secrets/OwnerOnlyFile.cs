namespace Tunnel.Hosting.Secrets;

/// <summary>
/// Files that only their owner may read, written so that a crash at any moment leaves the old content or the new one,
/// whole. On Windows the folder's own access list does the first part: both programs keep them below the user's profile.
/// </summary>
public static class OwnerOnlyFile
{
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode FolderMode = FileMode | UnixFileMode.UserExecute;

    /// <summary>Makes the folder and those above it, readable by the owner only; one that is there stays as it is.</summary>
    public static void CreateFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, FolderMode);
        }
    }

    /// <summary>Puts the content in place of what is there. One writer at a time: hold a <see cref="FolderLock"/> if there may be others.</summary>
    /// <exception cref="IOException">The disk does not take it; the old content is untouched.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder does not belong to this user.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        string beginning = Path.GetFileName(path) + ".new-";
        foreach (string left in Directory.EnumerateFiles(folder, beginning + "*"))
        {
            // From a writer that was killed: never whole, never looked at.
            File.Delete(left);
        }

        string fresh = Path.Combine(folder, beginning + Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(4)));
        try
        {
            using (FileStream file = Open(fresh, System.IO.FileMode.CreateNew, FileShare.None))
            {
                file.Write(content);
                file.Flush(flushToDisk: true);
            }

            UnixFolder.GiveToOwner(folder, fresh);
            File.Move(fresh, path, overwrite: true);
        }
        catch
        {
            File.Delete(fresh);
            throw;
        }

        UnixFolder.Flush(folder);
    }

    /// <summary>Whether somebody beside the owner may read or write it. False where the system does not tell.</summary>
    public static bool IsOpenToOthers(string path) => Has(path, ~FolderMode);

    /// <summary>Whether users beside its owner and its group may read or write it. False where that cannot be told.</summary>
    public static bool IsOpenToEverybody(string path) => Has(path, UnixFileMode.OtherRead | UnixFileMode.OtherWrite);

    /// <summary>The folder itself, if others may put files into it, and the files in it that are not their owner's alone.</summary>
    public static IReadOnlyList<string> FindOpenToOthers(string folder)
    {
        try
        {
            return
            [
                .. new[] { folder }.Where(path => Has(path, UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)),
                .. Directory.EnumerateFiles(folder, "*.json").Concat(Directory.EnumerateFiles(folder, "*key*")).Distinct()
                    .Where(path => Has(path, ~FolderMode)).Order(StringComparer.Ordinal),
            ];
        }
        catch (Exception error) when (Files.OutsideFile.IsItsFault(error))
        {
            return [];
        }
    }

    private static bool Has(string path, UnixFileMode mode)
    {
        try
        {
            return !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & mode) != 0;
        }
        catch (Exception error) when (Files.OutsideFile.IsItsFault(error))
        {
            return false;
        }
    }

    /// <summary>Opens it for reading and writing, unbuffered; what is made new is the owner's only.</summary>
    public static FileStream Open(string path, FileMode mode, FileShare share)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = share, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = FileMode;
        }

        return new FileStream(path, options);
    }
}

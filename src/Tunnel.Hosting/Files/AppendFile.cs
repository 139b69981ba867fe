using Microsoft.Win32.SafeHandles;

namespace Tunnel.Hosting.Files;

/// <summary>
/// A file that is only appended to, also by several processes at once: on Linux every write goes, in one piece, to where the end
/// is at that moment, whatever others have added or cut off. Used by one thread at a time.
/// </summary>
public sealed class AppendFile : IDisposable
{
    private readonly string? _path;
    private readonly SafeFileHandle? _file;
    private readonly Stream? _stream;

    private AppendFile(string? path, SafeFileHandle? file, Stream? stream)
    {
        _path = path;
        _file = file;
        _stream = stream;
    }

    /// <summary>Opens the file, or makes it.</summary>
    /// <exception cref="OutsideFileException">It cannot be written; a FIFO that nobody reads neither.</exception>
    public static AppendFile Open(string path)
    {
        try
        {
            return OperatingSystem.IsLinux()
                ? new AppendFile(path, LinuxFile.OpenToAppend(path), null)
                : new AppendFile(path, null, new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1));
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            throw new OutsideFileException(path, "written", error);
        }
    }

    /// <summary>What the program was started with for its output: a terminal, a pipe, a file.</summary>
    public static AppendFile StandardOutput() => OperatingSystem.IsLinux()
        ? new AppendFile(null, new SafeFileHandle(1, ownsHandle: false), null)
        : new AppendFile(null, null, Console.OpenStandardOutput());

    /// <param name="stream">Taken over.</param>
    public static AppendFile To(Stream stream) => new(null, null, stream);

    /// <summary>Its path has come to mean another file, or none: it was moved away, as for a new day's log.</summary>
    public bool HasMoved =>
        OperatingSystem.IsLinux() && _path is not null && _file is not null
        && FileStatus.Of(_file) is { } own && FileStatus.Of(_path)?.IsSameFile(own) != true;

    /// <summary>The same path, opened anew.</summary>
    /// <exception cref="OutsideFileException">It cannot be written; this one goes on.</exception>
    /// <returns>This one, if it has no path.</returns>
    public AppendFile Reopen() => _path is null ? this : Open(_path);

    /// <summary>Writes; waits for whoever reads, if it is a pipe.</summary>
    /// <param name="fault">Why not all of it was taken; null: it was.</param>
    /// <returns>How much was.</returns>
    public int Write(ReadOnlySpan<byte> bytes, out string? fault)
    {
        int taken = 0;
        try
        {
            if (_stream is not null)
            {
                _stream.Write(bytes);
                _stream.Flush();
                taken = bytes.Length;
            }
            else if (OperatingSystem.IsLinux())
            {
                while (taken < bytes.Length)
                {
                    taken += LinuxFile.Write(_file!, bytes[taken..]);
                }
            }

            fault = null;
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            fault = error.Message;
        }

        return taken;
    }

    public void Dispose()
    {
        _file?.Dispose();
        _stream?.Dispose();
    }
}

using System.Text;

namespace Tunnel.Hosting.Files;

/// <summary>
/// Reads files that somebody else writes, replaces and protects. Only regular files up to a size are read, so neither a FIFO
/// nor a device nor an endless file in their place holds up the reader. Everything that goes wrong is an
/// <see cref="OutsideFileException"/> that names the file; what a caller catches is that, not what the file system or a parser
/// may throw.
/// </summary>
/// <remarks>
/// A file system that does not answer (a network one whose server is gone) still holds up the thread: who has to go on
/// reads on another thread and waits for it with a limit.
/// </remarks>
public static class OutsideFile
{
    /// <param name="mayBePipe">The person who runs the program names it, perhaps as <c>&lt;(command)</c>, and waits for it.</param>
    /// <exception cref="OutsideFileException">It cannot be read.</exception>
    public static byte[] Read(string path, int mostBytes, bool mayBePipe = false)
    {
        try
        {
            using FileStream file = OperatingSystem.IsLinux()
                ? new FileStream(LinuxFile.OpenToRead(path, mayBePipe), FileAccess.Read, bufferSize: 0)
                : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return ReadAll(file, mostBytes);
        }
        catch (Exception error) when (IsItsFault(error))
        {
            throw new OutsideFileException(path, "read", error);
        }
    }

    /// <summary>The text of the file; a byte order mark says how it is written, else it is UTF-8.</summary>
    /// <exception cref="OutsideFileException">It cannot be read.</exception>
    public static string ReadText(string path, int mostBytes, bool mayBePipe = false) => TextOf(Read(path, mostBytes, mayBePipe));

    /// <summary>Reads the file and makes something of it.</summary>
    /// <param name="parse">May throw whatever it likes: that is the file's fault too.</param>
    /// <exception cref="OutsideFileException">It cannot be read or used.</exception>
    public static T Read<T>(string path, int mostBytes, Func<byte[], T> parse, bool mayBePipe = false)
    {
        byte[] content = Read(path, mostBytes, mayBePipe);
        try
        {
            return parse(content);
        }
        catch (Exception error) when (IsItsFault(error))
        {
            throw new OutsideFileException(path, "used", error);
        }
    }

    /// <summary>
    /// What is thrown while somebody's file is read, or made sense of, is the file's fault, of whatever type it is: nobody can
    /// list what file systems and parsers throw. Only what no file can be blamed for is not.
    /// </summary>
    public static bool IsItsFault(Exception error) => error is not (OutOfMemoryException or OperationCanceledException);

    /// <inheritdoc cref="ReadText"/>
    internal static string TextOf(byte[] content)
    {
        using var reader = new StreamReader(new MemoryStream(content), Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
        return reader.ReadToEnd();
    }

    // To the end, not to the length that it has now: it may grow, and some file systems do not tell.
    private static byte[] ReadAll(FileStream file, int mostBytes)
    {
        byte[] content = new byte[(file.CanSeek ? Math.Min(file.Length, mostBytes) : 0) + 1];
        int length = 0;
        while (file.Read(content.AsSpan(length)) is > 0 and int read)
        {
            length += read;
            if (length > mostBytes)
            {
                throw new IOException($"it is larger than {mostBytes} bytes.");
            }

            if (length == content.Length)
            {
                Array.Resize(ref content, (int)Math.Min((2L * length) + 1024, mostBytes + 1L));
            }
        }

        return content[..length];
    }
}

/// <summary>Somebody's file or folder cannot be read or used. The message is a sentence that names it.</summary>
public sealed class OutsideFileException : IOException
{
    /// <param name="what">What was wanted of it: read, listed, written.</param>
    public OutsideFileException(string path, string what, Exception error)
        : base($"{Printable.Of(path)} cannot be {what}: {Sentence(error, path)}", error)
    {
        IsMissing = error is FileNotFoundException or DirectoryNotFoundException;
    }

    /// <summary>There is no such file, or no folder for it.</summary>
    public bool IsMissing { get; }

    private static string Sentence(Exception error, string path) => error switch
    {
        FileNotFoundException or DirectoryNotFoundException => "there is no such file.",
        UnauthorizedAccessException => "this user may not.",
        // Most of these messages name the file once more, at their end.
        _ => Printable.Of(error.Message.Replace($" : '{path}'", "", StringComparison.Ordinal)),
    };
}

namespace Tunnel.Hosting.Files;

/// <summary>Tells one state of a file from another without reading it. The default: there is none, or its folder does not say.</summary>
public readonly record struct FileStamp(DateTime Written, long Length)
{
    public static FileStamp Of(string path)
    {
        try
        {
            var file = new FileInfo(path);
            return file.Exists ? new FileStamp(file.LastWriteTimeUtc, file.Length) : default;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It went away between two questions.
            return default;
        }
    }
}

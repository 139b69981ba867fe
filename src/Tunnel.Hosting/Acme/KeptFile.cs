using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Tunnel.Hosting.Files;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Hosting.Acme;

/// <summary>One small JSON file with a key in it: replaced as a whole, readable by its owner alone.</summary>
internal sealed class KeptFile<T>(string path, JsonTypeInfo<T> type)
    where T : class
{
    private const int MostBytes = 64 * 1024;

    /// <summary>Null: there is none.</summary>
    /// <exception cref="OutsideFileException">It cannot be read, or is damaged.</exception>
    public T? Read()
    {
        try
        {
            return OutsideFile.Read(path, MostBytes, content => JsonSerializer.Deserialize(content, type) ?? throw new JsonException("It is empty."));
        }
        catch (OutsideFileException error) when (error.IsMissing)
        {
            return null;
        }
    }

    /// <exception cref="IOException">The disk does not take it; what was there stays.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder belongs to somebody else.</exception>
    public void Write(T content) => OwnerOnlyFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(content, type));

    public void Delete() => File.Delete(path);
}

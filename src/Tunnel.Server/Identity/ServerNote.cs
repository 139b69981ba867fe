using System.Text.Json;
using System.Text.Json.Serialization;
using Tunnel.Hosting.Files;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Server.Identity;

/// <summary>
/// What the server leaves in its folder for <c>token create</c>: the address a token carries is the one the server last
/// ran at.
/// </summary>
/// <param name="Port">Where agents from elsewhere dial: the port of HTTPS if there is one, because that is open everywhere.</param>
internal sealed record ServerNote(string Domain, int Port)
{
    private const string FileName = "server.json";
    private const int MostBytes = 64 * 1024;

    /// <exception cref="IOException">The disk does not take it.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder belongs to somebody else.</exception>
    public void Write(string folder) =>
        OwnerOnlyFile.Write(Path.Combine(folder, FileName), JsonSerializer.SerializeToUtf8Bytes(this, ServerNoteJson.Default.ServerNote));

    /// <summary>Null when no server has run with this folder yet.</summary>
    /// <exception cref="IOException">It is there and cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It belongs to somebody else.</exception>
    public static ServerNote? Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            return JsonSerializer.Deserialize(OutsideFile.Read(path, MostBytes), ServerNoteJson.Default.ServerNote) is { Domain: not null, Port: > 0 and <= 65_535 } note
                ? note
                : throw new IOException($"{path} is not what this program wrote.");
        }
        catch (OutsideFileException error) when (error.IsMissing)
        {
            return null;
        }
        catch (JsonException error)
        {
            throw new IOException($"{path} is not what this program wrote.", error);
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ServerNote))]
internal sealed partial class ServerNoteJson : JsonSerializerContext;

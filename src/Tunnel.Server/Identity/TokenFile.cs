using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tunnel.Server.Identity;

/// <summary>The content of the token store: JSON, one record for each token (docs/operating.md).</summary>
internal static class TokenFile
{
    public const int Version = 1;
    public const int MostBytes = 64 * 1024 * 1024;

    /// <summary>A store without tokens, for people to write.</summary>
    public const string EmptyText = "{\"version\":1,\"tokens\":[]}";

    private const int MostNameLength = 64;

    public static byte[] Write(IReadOnlyCollection<TokenRecord> tokens) =>
        JsonSerializer.SerializeToUtf8Bytes(new TokenFileContent(Version, [.. tokens]), TokenFileJson.Default.TokenFileContent);

    /// <exception cref="TokenFileException">It cannot be read; the message says where.</exception>
    public static IReadOnlyList<TokenRecord> Read(ReadOnlySpan<byte> content)
    {
        TokenFileContent? file;
        try
        {
            file = JsonSerializer.Deserialize(content, TokenFileJson.Default.TokenFileContent);
        }
        catch (JsonException error)
        {
            throw new TokenFileException($"it is not what this program wrote: line {error.LineNumber + 1}, {Hosting.Printable.Of(error.Path ?? "$")}");
        }
        catch (InvalidOperationException)
        {
            // The reader's word for escapes that are half a character.
            throw new TokenFileException("it has a string that is not text");
        }

        if (file is null)
        {
            throw new TokenFileException("it is empty");
        }

        if (file.Version != Version)
        {
            throw new TokenFileException($"it is of version {file.Version}, this program knows {Version}");
        }

        for (int i = 0; i < file.Tokens.Count; i++)
        {
            if (FindFault(file.Tokens[i]) is { } fault)
            {
                throw new TokenFileException($"token {i + 1} {fault}");
            }
        }

        if (file.Tokens.DistinctBy(token => token.Id).Count() != file.Tokens.Count
            || file.Tokens.DistinctBy(token => token.Name).Count() != file.Tokens.Count)
        {
            throw new TokenFileException("two tokens have the same id or name");
        }

        return file.Tokens;
    }

    /// <summary>Letters, digits, dots, hyphens and underscores, at most 64: it appears in logs and lists.</summary>
    public static bool IsName(string? name) =>
        name is { Length: > 0 and <= MostNameLength } && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');

    private static string? FindFault(TokenRecord? token)
    {
        if (token is null)
        {
            return "is null";
        }

        if (!IsHex(token.Id, AgentIdLength) || !IsHex(token.Hash, 64))
        {
            return "has an id or a hash that is none";
        }

        if (!IsName(token.Name) || token.Claims.Concat(token.Served).Concat(token.Passthrough).Any(name => name is null))
        {
            return "has a name that is none";
        }

        return token.Subdomains.Select(pattern => pattern is null ? "null" : NamePattern.FindSubdomainFault(pattern))
            .Concat(token.Hostnames.Select(pattern => pattern is null ? "null" : NamePattern.FindHostnameFault(pattern)))
            .Concat(token.TcpPorts.Select(range => range is not null && PortRange.TryParse(range, out _) ? null : "ports that are none"))
            .FirstOrDefault(fault => fault is not null) is { } bad
                ? $"has a pattern that is none: {bad}"
                : null;
    }

    private const int AgentIdLength = Hosting.Secrets.AgentToken.IdSize * 2;

    private static bool IsHex(string? text, int length) =>
        text?.Length == length && text.All(c => char.IsAsciiHexDigitLower(c));
}

/// <summary>The store is not one.</summary>
/// <param name="what">The end of a sentence that begins with its path.</param>
internal sealed class TokenFileException(string what) : IOException(what);

internal sealed record TokenFileContent(int Version, IReadOnlyList<TokenRecord> Tokens);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true,
    MaxDepth = 8,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(TokenFileContent))]
internal sealed partial class TokenFileJson : JsonSerializerContext;

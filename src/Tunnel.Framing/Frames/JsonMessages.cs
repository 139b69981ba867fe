using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;

namespace Tunnel.Framing.Frames;

/// <summary>Reads and writes the JSON payloads (docs/protocol.md, sections 3 and 6).</summary>
public static class JsonMessages
{
    /// <summary>Turns a message into a payload.</summary>
    public static byte[] Write<T>(T message)
        where T : IJsonMessage =>
        JsonSerializer.SerializeToUtf8Bytes(message, TypeInfo<T>());

    /// <summary>Reads a payload and checks its members.</summary>
    /// <exception cref="ProtocolViolationException">Not JSON, too deep, or a member is missing or out of its range.</exception>
    public static T Read<T>(in ReadOnlySequence<byte> payload)
        where T : class, IJsonMessage
    {
        // Whole payloads are judged, members that are skipped included.
        if (!Utf8.IsValid(payload.IsSingleSegment ? payload.FirstSpan : payload.ToArray()))
        {
            throw Malformed<T>("is not UTF-8");
        }

        var reader = new Utf8JsonReader(payload, new JsonReaderOptions { MaxDepth = ProtocolLimits.JsonDepth });
        T? message;
        try
        {
            message = JsonSerializer.Deserialize(ref reader, TypeInfo<T>());
            if (reader.Read())
            {
                throw Malformed<T>("has something after its end");
            }
        }
        catch (JsonException error)
        {
            // The path is made of member names of ours; the message may quote what the peer sent, so it stays out.
            throw Malformed<T>(error.Path is { } path ? $"cannot be read at {Printable(path)}" : "is not JSON");
        }
        catch (InvalidOperationException)
        {
            // The reader's word for escapes that are half a character.
            throw Malformed<T>("has a string that is not text");
        }

        string? fault = message is null ? "is null" : message.FindFault();
        return fault is null ? message! : throw Malformed<T>(fault);
    }

    private static JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)MessageJson.Default.GetTypeInfo(typeof(T))!;

    private static ProtocolViolationException Malformed<T>(string what)
        where T : IJsonMessage =>
        new(CloseCode.MalformedPayload, $"{T.Name} {what}.");

    private static string Printable(string path) =>
        string.Concat(path.Take(64).Select(c => c is > ' ' and < (char)0x7F ? c : '?'));
}

/// <summary>A message with a JSON payload: knows its name and its own faults.</summary>
public interface IJsonMessage
{
    /// <summary>The name in docs/protocol.md.</summary>
    public static abstract string Name { get; }

    /// <summary>Null, or what is wrong, as the end of a sentence that begins with the message's name.</summary>
    public string? FindFault();
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = ProtocolLimits.JsonDepth,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(HelloMessage))]
[JsonSerializable(typeof(WelcomeMessage))]
[JsonSerializable(typeof(RejectMessage))]
[JsonSerializable(typeof(TunnelRequest))]
[JsonSerializable(typeof(BoundMessage))]
[JsonSerializable(typeof(UnbindMessage))]
[JsonSerializable(typeof(UnboundMessage))]
[JsonSerializable(typeof(GoAwayMessage))]
internal sealed partial class MessageJson : JsonSerializerContext;

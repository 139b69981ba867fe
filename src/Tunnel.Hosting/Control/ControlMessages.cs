using System.Text.Json;
using System.Text.Json.Serialization;
using Tunnel.Hosting.Errors;

namespace Tunnel.Hosting.Control;

/// <summary>What somebody on this machine asks of a running program: one line of JSON.</summary>
public sealed record ControlRequest(string Command);

/// <summary>What the program answers: one object of JSON, behind which it closes the connection.</summary>
/// <param name="Code">What is wrong; null: nothing.</param>
/// <param name="Message">What is wrong, for a person; null: nothing.</param>
/// <param name="Result">What was asked for; null: there is nothing to tell.</param>
public sealed record ControlAnswer(string? Code = null, string? Message = null, JsonElement? Result = null)
{
    /// <summary>Run when the answer is on its way: what ends the program comes behind it.</summary>
    [JsonIgnore]
    public Action? Afterwards { get; init; }

    public static ControlAnswer Fault(KnownError error, string message) => new(error.Code, message);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlAnswer))]
internal sealed partial class ControlJson : JsonSerializerContext;

using System.Text.Json.Serialization;
using Tunnel.Agent.Connection;
using Tunnel.Agent.Tunnels;

namespace Tunnel.Agent.Control;

/// <summary>What a running agent says of itself, in the form that <c>status --json</c> prints.</summary>
/// <param name="State">As <see cref="AgentState"/>, or <c>no-answer</c>.</param>
/// <param name="Config">The settings file that it follows; null: it has none.</param>
internal sealed record AgentReport(
    int Pid, string Version, DateTimeOffset? Since, string Server, string State, string Reason, DateTimeOffset? NextTry, string? Config, IReadOnlyList<TunnelReport> Tunnels)
{
    public static AgentReport Of(DateTimeOffset since, string server, AgentStatus status, string? config, IEnumerable<(TunnelOptions Tunnel, TunnelStatus Status)> tunnels) => new(
        Environment.ProcessId,
        Product.Version,
        since,
        server,
        Enum.GetName(status.State)!.ToLowerInvariant(),
        status.Reason,
        status.NextTry,
        config,
        [.. tunnels.Select(one => new TunnelReport(
            one.Tunnel.Name, one.Tunnel.Protocol, one.Status.Url, one.Tunnel.OriginText, Enum.GetName(one.Status.State)!.ToLowerInvariant(), one.Status.Reason))]);

    /// <summary>One that was found and does not answer.</summary>
    public static AgentReport Silent(int pid) => new(pid, "", null, "", "no-answer", "", null, null, []);

    /// <summary>Whether a person means it: by its process, or by a tunnel's name, public host or first label.</summary>
    public bool IsMeantBy(string word) =>
        word == Pid.ToString(System.Globalization.CultureInfo.InvariantCulture) || Tunnels.Any(tunnel => tunnel.IsMeantBy(word));
}

/// <summary>One tunnel of it.</summary>
/// <param name="Name">Its person's; empty: it needs none.</param>
/// <param name="Url">Empty: it was not online yet.</param>
/// <param name="State">As <see cref="TunnelState"/>.</param>
internal sealed record TunnelReport(string Name, string Protocol, string Url, string Origin, string State, string Reason)
{
    /// <summary>The shortest word that means it; empty: there is none yet.</summary>
    [JsonIgnore]
    public string Label => Name.Length > 0 ? Name : Uri.TryCreate(Url, UriKind.Absolute, out Uri? url) ? url.Host.Split('.')[0] : "";

    public bool IsMeantBy(string word) =>
        word == Name || (Uri.TryCreate(Url, UriKind.Absolute, out Uri? url) && (word == url.Host || word == url.Host.Split('.')[0]));
}

/// <summary>What came of a reload.</summary>
internal sealed record ReloadReport(IReadOnlyList<string> Lines, bool IsTaken);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(IReadOnlyList<AgentReport>))]
[JsonSerializable(typeof(ReloadReport))]
internal sealed partial class AgentJson : JsonSerializerContext;

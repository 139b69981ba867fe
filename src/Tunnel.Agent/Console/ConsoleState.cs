using Tunnel.Agent.Tunnels;

namespace Tunnel.Agent.Console;

/// <summary>How a line of the picture is meant, beside its words.</summary>
internal enum Mood
{
    Plain,
    Good,
    Doubtful,
    Bad,
}

/// <summary>Everything the picture shows. All texts are printable.</summary>
/// <param name="State">How the agent stands, in words.</param>
/// <param name="Server">Where it is, and what it calls itself.</param>
/// <param name="Token">Its name, or its id as long as the server has not said that; null: there is none.</param>
/// <param name="Requests">The latest first.</param>
/// <param name="Notes">The oldest first.</param>
internal sealed record ConsoleState(
    string State,
    Mood Mood,
    string Server,
    TimeSpan? RoundTrip,
    string? Token,
    IReadOnlyList<TunnelLine> Tunnels,
    IReadOnlyList<RequestLine> Requests,
    IReadOnlyList<ConsoleNote> Notes);

/// <param name="Name">In the settings file; empty: it has none.</param>
/// <param name="Url">Empty: the server has not granted it yet.</param>
/// <param name="Reason">Why it was refused; empty: it was not.</param>
internal sealed record TunnelLine(string Name, string Url, string Origin, TunnelState State, string Reason, TrafficFigures Traffic);

/// <param name="Status">As a person reads it: a number, or why there is none.</param>
internal sealed record RequestLine(DateTimeOffset At, string Method, string Target, string Status, Mood Mood, TimeSpan Duration, long Size, string Visitor)
{
    public static RequestLine Of(WatchedExchange exchange) => new(
        exchange.EndedAt,
        exchange.IsRaw ? "raw" : exchange.Method,
        exchange.Target,
        exchange.Fault.Length > 0 ? exchange.Fault : exchange.IsRaw ? "ok" : $"{exchange.Status}",
        exchange.Fault.Length > 0 || exchange.Status >= 500 ? Mood.Bad : exchange.Status >= 400 ? Mood.Doubtful : Mood.Plain,
        exchange.Duration,
        exchange.IsRaw ? exchange.Sent + exchange.Received : exchange.Received,
        exchange.Visitor);
}

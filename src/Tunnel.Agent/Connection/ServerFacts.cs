using Tunnel.Framing.Frames;
using Tunnel.Hosting;

namespace Tunnel.Agent.Connection;

/// <summary>What a server says of itself and of who asks, made printable.</summary>
/// <param name="Software">Its name and version; empty: it was not reached yet.</param>
/// <param name="Token">What its owner called the agent's token; null: none was needed, or it does not say.</param>
internal sealed record ServerFacts(string Software, string? Token)
{
    public static ServerFacts Of(WelcomeMessage welcome) => new(
        Printable.Of(welcome.Software ?? "unknown software"), welcome.Token is { Length: > 0 } token ? Printable.Of(token) : null);
}

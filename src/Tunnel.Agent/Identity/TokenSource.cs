using Tunnel.Hosting.Files;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Agent.Identity;

/// <summary>A token, and where it was found.</summary>
/// <param name="IsStored">It is what login stored, not what was given for this run.</param>
/// <param name="Warning">What the person should know about the way it was given; null: nothing.</param>
internal sealed record FoundToken(AgentToken Token, bool IsStored, string? Warning)
{
    /// <summary>Where it was, for a person.</summary>
    public required string From { get; init; }
}

/// <summary>
/// Finds the agent's token: <c>--token</c>, <c>--token-file</c>, the environment, what login stored; the first that is there.
/// </summary>
internal static class TokenSource
{
    private const int MostBytes = 4096;

    /// <param name="given">The value of --token.</param>
    /// <param name="file">The value of --token-file.</param>
    /// <param name="environment">The value of TUNNEL_AGENT_TOKEN.</param>
    /// <param name="storedAt">Where login stores.</param>
    /// <exception cref="ArgumentException">The one that counts cannot be read. Its text is never in the message.</exception>
    public static FoundToken? Find(string? given, string? file, string? environment, string storedAt)
    {
        if (given is not null)
        {
            return new FoundToken(
                Parse(given, "--token"),
                IsStored: false,
                "--token can be seen by every user of this machine while the agent runs. Use 'tunnel-agent login', --token-file or TUNNEL_AGENT_TOKEN.")
            {
                From = "--token",
            };
        }

        if (file is not null)
        {
            return new FoundToken(ReadFile(file, "--token-file"), IsStored: false, WarningOf(file)) { From = file };
        }

        if (!string.IsNullOrEmpty(environment))
        {
            return new FoundToken(Parse(environment, "TUNNEL_AGENT_TOKEN"), IsStored: false, Warning: null) { From = "TUNNEL_AGENT_TOKEN" };
        }

        return File.Exists(storedAt)
            ? new FoundToken(ReadFile(storedAt, $"the token that login stored ({storedAt})"), IsStored: true, WarningOf(storedAt)) { From = storedAt }
            : null;
    }

    private static AgentToken ReadFile(string path, string from)
    {
        try
        {
            return Parse(OutsideFile.ReadText(path, MostBytes, mayBePipe: true), from);
        }
        catch (OutsideFileException error)
        {
            throw new ArgumentException($"{from}: {error.Message}", error);
        }
    }

    private static AgentToken Parse(string text, string from) =>
        AgentToken.Parse(text, out string fault) ?? throw new ArgumentException($"{from}: {fault}");

    private static string? WarningOf(string path) =>
        OwnerOnlyFile.IsOpenToOthers(path) ? $"{path} can be read by other users of this machine; 'chmod 600' closes it." : null;
}

using Microsoft.Extensions.Logging;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Secrets;
using Tunnel.Server.Diagnostics;

namespace Tunnel.Server.Identity;

/// <summary>The folder of what a server keeps: its key, its tokens, its certificates.</summary>
internal static class StateDirectory
{
    /// <summary><c>--state-dir</c>, which the server and all its commands share.</summary>
    public static OptionDeclaration<TOptions> Declare<TOptions>(Func<TOptions, string?> get, Func<TOptions, string, TOptions> set) =>
        Hosting.Options.Declare<TOptions>.Path("state-dir", "FOLDER", "Where the server keeps its key and its tokens.", get, set) with
        {
            DefaultInWords = "the system's place, like /var/lib/tunnel-server",
        };

    /// <summary>
    /// Opens the state for a server. Null when the system's place cannot be used, nothing was kept there, and no other was asked
    /// for: a first try needs none. A server that had tokens never starts without them.
    /// </summary>
    /// <exception cref="StateException">The folder that was asked for, or has a server's state in it, cannot be used.</exception>
    public static async Task<ServerState?> OpenAsync(string? given, string domain, ILoggerFactory logs)
    {
        string folder = Resolve(given);
        try
        {
            return await ServerState.OpenAsync(folder, domain, TimeProvider.System);
        }
        catch (StateException error) when (given is null && ServerState.IsUntouched(folder))
        {
            ServerLog.StateUnusable(logs.CreateLogger("tunnel-server"), error.Message);
            return null;
        }
    }

    public static string Resolve(string? given) => Path.GetFullPath(given ?? ProgramFolders.State("tunnel-server"));
}

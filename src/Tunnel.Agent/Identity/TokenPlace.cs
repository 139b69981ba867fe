using Tunnel.Hosting.Secrets;

namespace Tunnel.Agent.Identity;

/// <summary>The token that <c>tunnel-agent login</c> stored for this user.</summary>
internal static class TokenPlace
{
    /// <summary>The file; only its owner can read it.</summary>
    public static string FilePath => Path.Combine(ProgramFolders.Config("tunnel-agent"), "token");

    /// <summary>Where it is looked for: systemd hands it to a service in a folder of the service's own (LoadCredential).</summary>
    public static string SearchPath =>
        Environment.GetEnvironmentVariable("CREDENTIALS_DIRECTORY") is { Length: > 0 } folder && Path.Combine(folder, "token") is var handed && File.Exists(handed)
            ? handed
            : FilePath;

    /// <exception cref="IOException">The disk does not take it.</exception>
    /// <exception cref="UnauthorizedAccessException">The place belongs to somebody else.</exception>
    public static void Store(AgentToken token)
    {
        OwnerOnlyFile.CreateFolder(Path.GetDirectoryName(FilePath)!);
        OwnerOnlyFile.Write(FilePath, System.Text.Encoding.ASCII.GetBytes(token.Reveal() + "\n"));
    }

    /// <returns>False: there was none.</returns>
    /// <exception cref="IOException">It cannot be deleted.</exception>
    /// <exception cref="UnauthorizedAccessException">It belongs to somebody else.</exception>
    public static bool Forget()
    {
        bool isThere = File.Exists(FilePath);
        if (isThere)
        {
            File.Delete(FilePath);
        }

        return isThere;
    }
}

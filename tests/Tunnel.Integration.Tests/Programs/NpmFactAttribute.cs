using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Programs;

/// <summary>
/// A test with the npm package <c>ws</c>, installed once into a folder of the run from the lock file beside the tests.
/// Skipped with the reason when node, npm or the registry cannot be had.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NpmFactAttribute : FactAttribute
{
    private static readonly Lazy<(string Folder, string? Fault)> Install = new(InstallOnce);

    public NpmFactAttribute() => Skip = InstalledPrograms.ReasonToSkip(["node", "npm"]) ?? Install.Value.Fault;

    /// <summary>Where the scripts and their packages are.</summary>
    public static string Folder => Install.Value.Folder;

    private static (string Folder, string? Fault) InstallOnce()
    {
        var place = Directory.CreateTempSubdirectory("tunnel-ws-");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => place.Delete(recursive: true);
        foreach (string file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Programs", "ws")))
        {
            File.Copy(file, Path.Combine(place.FullName, Path.GetFileName(file)));
        }

        try
        {
            ProgramRun.RunAsync(place.FullName, "npm", "ci", "--no-audit", "--no-fund", "--fetch-retries=0").GetAwaiter().GetResult();
            return (place.FullName, null);
        }
        catch (Exception error) when (error is InvalidOperationException or TimeoutException)
        {
            return (place.FullName, "npm could not install ws: " + error.Message);
        }
    }
}

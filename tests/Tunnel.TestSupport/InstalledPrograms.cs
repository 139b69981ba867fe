namespace Tunnel.TestSupport;

/// <summary>Which programs this machine has.</summary>
public static class InstalledPrograms
{
    // Servers live where an ordinary user's path does not look.
    private static readonly string[] UnixExtras = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

    /// <summary>The full path of a program, or null.</summary>
    public static string? Find(string program)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator);
        string[] names = OperatingSystem.IsWindows() ? [program + ".exe", program + ".cmd"] : [program];
        return folders
            .Concat(OperatingSystem.IsWindows() ? [] : UnixExtras)
            .Where(static folder => folder.Length > 0)
            .SelectMany(folder => names.Select(name => Path.Combine(folder, name)))
            .FirstOrDefault(File.Exists);
    }

    /// <summary>Null when all are there.</summary>
    public static string? ReasonToSkip(IEnumerable<string> programs)
    {
        var missing = programs.Where(static program => Find(program) is null).ToArray();
        return missing.Length == 0 ? null : $"Needs {string.Join(" and ", missing)}, not installed here.";
    }
}

namespace Tunnel.Hosting.Secrets;

/// <summary>Where a program keeps what outlives it: the places its system has for that.</summary>
public static class ProgramFolders
{
    /// <summary>
    /// What a server keeps: below systemd's STATE_DIRECTORY if that is set, /var/lib for root, else the user's own place.
    /// </summary>
    public static string State(string program)
    {
        if (Variable("STATE_DIRECTORY") is { } given)
        {
            // systemd lists several with colons; the first is the unit's own.
            return given.Split(':')[0];
        }

        if (OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess)
        {
            return $"/var/lib/{program}";
        }

        return Path.Combine(Variable("XDG_STATE_HOME") ?? OfUser(Path.Combine(".local", "state")), program);
    }

    /// <summary>What a person has set up.</summary>
    public static string Config(string program) =>
        Path.Combine(Variable("XDG_CONFIG_HOME") ?? OfUser(".config"), program);

    // XDG's places are for Unix; macOS and Windows have one of their own for both.
    private static string OfUser(string belowHome) =>
        OperatingSystem.IsWindows() || OperatingSystem.IsMacOS()
            ? Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify)
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), belowHome);

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}

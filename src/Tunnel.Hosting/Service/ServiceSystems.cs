using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Tunnel.Hosting.Service;

/// <summary>Which of them is here.</summary>
public static partial class ServiceSystems
{
    /// <exception cref="ServiceException">None.</exception>
    public static ServiceSystem OfThisProcess()
    {
        if (OperatingSystem.IsLinux())
        {
            return Systemd.OfThisProcess();
        }

        if (OperatingSystem.IsWindows())
        {
            return WindowsTasks.OfThisProcess();
        }

        if (!OperatingSystem.IsMacOS())
        {
            throw new ServiceException(Errors.ProgramErrors.ServiceUnsupported, "These commands know systemd, launchd and the Task Scheduler, and this is neither Linux nor macOS nor Windows.");
        }

        return Environment.IsPrivilegedProcess
            ? new Launchd(isOfMachine: true, "system", "/Library")
            : new Launchd(
                isOfMachine: false,
                string.Create(CultureInfo.InvariantCulture, $"gui/{EffectiveUser()}"),
                Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), "Library"));
    }

    /// <summary>What the system's tools need from the environment beside what is there: a way to the user's own manager.</summary>
    public static IReadOnlyDictionary<string, string> VariablesForTools()
    {
        var variables = new Dictionary<string, string>();
        // A shell that was not opened by a login does not know the folder, though it may be there.
        if (OperatingSystem.IsLinux() && !Environment.IsPrivilegedProcess && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR"))
            && string.Create(CultureInfo.InvariantCulture, $"/run/user/{EffectiveUser()}") is var folder && Directory.Exists(folder))
        {
            variables["XDG_RUNTIME_DIR"] = folder;
        }

        return variables;
    }

    [SupportedOSPlatform("linux")]
    [SupportedOSPlatform("macos")]
    [LibraryImport("libc", EntryPoint = "geteuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial uint EffectiveUser();
}

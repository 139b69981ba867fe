using System.Globalization;
using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Files;

namespace Tunnel.Hosting.Service;

/// <summary>Services under systemd, of the machine or of a user.</summary>
/// <param name="isOfMachine">Else of the user who runs this.</param>
/// <param name="units">The folder of units.</param>
/// <param name="settings">The folder below which programs have theirs.</param>
public sealed class Systemd(bool isOfMachine, string units, string settings) : ServiceSystem
{
    private const string Linger = "/var/lib/systemd/linger";

    // What ProtectHome and PrivateTmp hide from a service of the machine.
    private static readonly string[] s_hidden = ["/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"];

    public override string Title => "systemd";

    /// <summary>The one of this machine or of this user, as the privileges of this process have it.</summary>
    public static Systemd OfThisProcess() => Environment.IsPrivilegedProcess
        ? new Systemd(isOfMachine: true, "/etc/systemd/system", "/etc")
        : new Systemd(isOfMachine: false, Secrets.ProgramFolders.Config(Path.Combine("systemd", "user")), Secrets.ProgramFolders.Config(""));

    // sd_booted(3)
    public override string? FindFault() => Directory.Exists("/run/systemd/system")
        ? null
        : "systemd does not run this machine (in a container it is the container's own manager that starts programs, and starts them again).";

    public override IReadOnlyList<string> FindFaults(ServiceDescription service) =>
    [
        .. service.Command[0].AsSpan().ContainsAny("\"'\\")
            ? (string[])[$"{service.Command[0]} has quotes or a backslash in its path, and systemd starts nothing from there. Put it into /usr/local/bin."]
            : [],
        .. isOfMachine ? service.Reads.Prepend(service.Command[0]).Select(path => FindReachFault(path, service)).OfType<string>() : [],
    ];

    public override string NameOf(string service) => $"{service}.service";

    public override ServiceFile FileOf(ServiceDescription service) =>
        new(PathOf(service.Name), SystemdUnit.Of(service, VariablesPathOf(service.Program, service.Name), isOfMachine));

    public override string PathOf(string service) => Path.Combine(units, NameOf(service));

    public override string VariablesPathOf(string program, string service) => Path.Combine(settings, program, $"{service}.env");

    public override IReadOnlyList<ToolCall> Install(string service, bool isStarted) =>
        [Control("daemon-reload"), Control("enable", NameOf(service)), .. isStarted ? Restart(service) : []];

    // One that cannot be read cannot be stopped either.
    public override IReadOnlyList<ToolCall> Remove(string service) => [Control("stop", NameOf(service)) with { MayFail = true }, Control("disable", NameOf(service))];

    public override IReadOnlyList<ToolCall> Forget(string service) => [Control("daemon-reload"), Control("reset-failed", NameOf(service)) with { MayFail = true }];

    public override IReadOnlyList<ToolCall> Start(string service) => [Control("start", NameOf(service))];

    public override IReadOnlyList<ToolCall> Stop(string service) => [Control("stop", NameOf(service))];

    public override IReadOnlyList<ToolCall> Restart(string service) => [Control("restart", NameOf(service))];

    public override ToolCall Logs(string service, int lines, bool isFollowed) => new(
        "journalctl",
        [
            .. isOfMachine ? (string[])["--unit"] : ["--user", "--unit"],
            NameOf(service), "--lines", lines.ToString(CultureInfo.InvariantCulture), "--no-pager", .. isFollowed ? (string[])["--follow"] : [],
        ]);

    public override async Task<ServiceState> FindStateAsync(string service, ISystemTools tools)
    {
        ToolCall call = Control("show", NameOf(service), "--property=LoadState,ActiveState,UnitFileState,MainPID,Result,ExecMainStatus,StateChangeTimestamp");
        ToolResult result = await tools.RunAsync(call);
        if (result.Code != 0)
        {
            throw new ServiceException(ProgramErrors.ServiceToolFailed, $"{call} failed: {Printable.Of(result.Error.Trim())}");
        }

        Dictionary<string, string> said = result.Output.Split('\n').Select(line => line.Split('=', 2)).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1]);
        string Of(string key) => said.GetValueOrDefault(key, "");
        return new ServiceState(
            (Of("LoadState"), Of("ActiveState")) switch
            {
                ("not-found", _) => ServiceStanding.Unknown,
                (_, "active" or "reloading") => ServiceStanding.Running,
                (_, "activating") => ServiceStanding.Starting,
                (_, "failed") => ServiceStanding.Failed,
                _ => ServiceStanding.Stopped,
            },
            int.TryParse(Of("MainPID"), NumberStyles.None, CultureInfo.InvariantCulture, out int process) ? process : 0,
            Of("StateChangeTimestamp"),
            Of("Result") switch
            {
                "success" or "" => "",
                "exit-code" => $"it ended with exit code {Of("ExecMainStatus")}",
                { } other => $"it ended with '{other}'",
            },
            Of("UnitFileState") is "enabled" or "enabled-runtime");
    }

    public override string WhenItStarts() => isOfMachine
        ? "It starts with the machine."
        : File.Exists(Path.Combine(Linger, Environment.UserName))
            ? "It starts with the machine: lingering is on for you."
            : "It starts when you log in and stops when you log out. 'loginctl enable-linger' lets it start with the machine and stay.";

    private ToolCall Control(params string[] arguments) => new("systemctl", [.. isOfMachine ? (string[])[] : ["--user"], .. arguments]);

    // An account that is made for the service is in no group, and owns nothing.
    private static string? FindReachFault(string path, ServiceDescription service)
    {
        string real = OperatingSystem.IsLinux() && RealPath(path) is { } target ? target : path;
        if (s_hidden.Any(hidden => real.StartsWith(hidden, StringComparison.Ordinal)))
        {
            string place = path == service.Command[0] ? "/usr/local/bin" : $"/etc/{service.Program}";
            return $"{real} lies where a service of the machine does not look: home folders and /tmp are closed to it. Put it into {place}.";
        }

        return service.Account is null && service.Group is null && FindClosed(real) is { } closed
            ? $"{closed} is closed to the account of the service. Open it for reading, or name an account or a group that may, with --run-as or --group."
            : null;
    }

    private static string? RealPath(string path)
    {
        try
        {
            return new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName;
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            return null;
        }
    }

    private static string? FindClosed(string path)
    {
        try
        {
            if (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & UnixFileMode.OtherRead) == 0)
            {
                return path;
            }

            for (string? folder = Path.GetDirectoryName(path); folder is not null; folder = Path.GetDirectoryName(folder))
            {
                if ((File.GetUnixFileMode(folder) & UnixFileMode.OtherExecute) == 0)
                {
                    return folder;
                }
            }

            return null;
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            return path;
        }
    }
}

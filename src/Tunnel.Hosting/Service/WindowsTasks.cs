using System.Globalization;
using Tunnel.Hosting.Errors;

namespace Tunnel.Hosting.Service;

/// <summary>
/// Services as tasks of the Task Scheduler (schtasks.exe), of the machine or of a user. What it writes is checked by tests; it was not
/// run on Windows, and says so.
/// </summary>
/// <param name="user">Whose they are, as <c>DOMAIN\name</c>; null: the machine's.</param>
/// <param name="folder">Takes the definitions. Those of the machine may be written by nobody else: they say what runs.</param>
/// <param name="logs">Takes what the services print.</param>
/// <param name="system">Of Windows, with its tools.</param>
public sealed class WindowsTasks(string? user, string folder, string logs, string system) : ServiceSystem
{
    // What stands in the place of an exit code (winerror.h, SCHED_S_*).
    private const int TaskRunning = 0x41301;
    private const int TaskHasNotRun = 0x41303;
    private const int TaskTerminated = 0x41306;
    private const int TaskQueued = 0x41325;

    /// <summary>The place in a line of <c>/Query /FO CSV /V</c> of what the last run ended with. Words are in the language of the machine, so none is looked at.</summary>
    private const int LastResult = 6;

    /// <summary>Application data of the account that services of the machine run as.</summary>
    public static string MachineData => Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.Windows), "ServiceProfiles", "LocalService", "AppData");

    public override string Title => "Task Scheduler";

    public override string Caution =>
        "The files and calls for the Task Scheduler were written by its manual, and not run on Windows: look whether it does what it says.";

    /// <summary>The one of this machine or of this user, as the privileges of this process have it.</summary>
    public static WindowsTasks OfThisProcess()
    {
        string data = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "Tunnel");
        return Environment.IsPrivilegedProcess
            ? new WindowsTasks(null, Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "Tunnel"), Path.Combine(MachineData, "Local"), Environment.SystemDirectory)
            : new WindowsTasks($@"{Environment.UserDomainName}\{Environment.UserName}", data, data, Environment.SystemDirectory);
    }

    public override string? FindFault() => null;

    public override IReadOnlyList<string> FindFaults(ServiceDescription service) =>
    [
        .. service.Account is not null || service.Group is not null
            ? (string[])["The Task Scheduler wants a password for another account, and knows no groups: leave --run-as and --group out. A service of the machine runs as LOCAL SERVICE."]
            : [],
        .. service.Command.Append(LogOf(service.Name)).Where(WindowsTask.IsUnsafe)
            .Select(word => $"{Printable.Of(word)} has '%' or '$(' in it, which the Task Scheduler takes for a variable."),
        .. user is null
            ? service.Reads.Prepend(service.Command[0]).Where(IsInProfile)
                .Select(path => $"{path} lies in your profile, which is closed to the account of the service. Put programs into Program Files, and what they read into a folder that LOCAL SERVICE may read.")
            : [],
    ];

    // Names of tasks are the machine's: two users have one each.
    public override string NameOf(string service) => user is null ? $@"\Tunnel\{service}" : $@"\Tunnel-{user[(user.LastIndexOf('\\') + 1)..]}\{service}";

    public override ServiceFile FileOf(ServiceDescription service) =>
        new(PathOf(service.Name), WindowsTask.Of(service, user, LogOf(service.Name))) { Encoding = WindowsTask.Encoding };

    public override string PathOf(string service) => Path.Combine(folder, $"{service}.xml");

    public override IReadOnlyList<ToolCall> Install(string service, bool isStarted) =>
    [
        Control("/End", service) with { MayFail = true },
        Control("/Create", service, "/XML", PathOf(service), "/F"),
        .. isStarted ? Start(service) : [],
    ];

    public override IReadOnlyList<ToolCall> Remove(string service) => [Control("/End", service) with { MayFail = true }, Control("/Delete", service, "/F")];

    public override IReadOnlyList<ToolCall> Start(string service) => [Control("/Run", service)];

    public override IReadOnlyList<ToolCall> Stop(string service) => [Control("/End", service)];

    public override IReadOnlyList<ToolCall> Restart(string service) => [Control("/End", service) with { MayFail = true }, .. Start(service)];

    public override ToolCall Logs(string service, int lines, bool isFollowed) => new(
        $@"{system}\WindowsPowerShell\v1.0\powershell.exe",
        [
            "-NoProfile", "-Command",
            string.Create(CultureInfo.InvariantCulture, $"Get-Content -Encoding UTF8 -LiteralPath {Literal(LogOf(service))} -Tail {lines}{(isFollowed ? " -Wait" : "")}"),
        ]);

    public override async Task<ServiceState> FindStateAsync(string service, ISystemTools tools)
    {
        ToolCall call = Control("/Query", service, "/FO", "CSV", "/V", "/NH");
        ToolResult result = await tools.RunAsync(call);
        if (result.Code != 0)
        {
            return new ServiceState(ServiceStanding.Unknown);
        }

        string[] values = result.Output.Trim().Split("\",\"");
        if (values.Length <= LastResult || !int.TryParse(values[LastResult], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int code))
        {
            throw new ServiceException(ProgramErrors.ServiceToolFailed, $"{call} says what is not understood: {Printable.Of(result.Output.Trim())}");
        }

        return code switch
        {
            TaskRunning => new ServiceState(ServiceStanding.Running, StartsByItself: true),
            TaskQueued => new ServiceState(ServiceStanding.Starting, StartsByItself: true),
            0 or TaskHasNotRun or TaskTerminated => new ServiceState(ServiceStanding.Stopped, StartsByItself: true),
            // A negative one is Windows' own, and is looked for in this form.
            _ => new ServiceState(
                ServiceStanding.Failed,
                Reason: string.Create(CultureInfo.InvariantCulture, $"it ended with {(code < 0 ? $"0x{code:X8}" : $"exit code {code}")}"),
                StartsByItself: true),
        };
    }

    public override string WhenItStarts() => user is null ? "It starts with the machine." : "It starts when you log in and stops when you log out.";

    private string LogOf(string service) => Path.Combine(logs, $"{service}.log");

    private ToolCall Control(string verb, string service, params string[] more) => new($@"{system}\schtasks.exe", [verb, "/TN", NameOf(service), .. more]);

    private static bool IsInProfile(string path) => path.StartsWith(
        Path.Join(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), Path.DirectorySeparatorChar.ToString()),
        StringComparison.OrdinalIgnoreCase);

    // PowerShell takes each of these for the end of the text, and two of them for one (about_Quoting_Rules).
    private static string Literal(string text) => $"'{string.Concat(text.Select(c => "'\u2018\u2019\u201A\u201B".Contains(c, StringComparison.Ordinal) ? $"{c}{c}" : $"{c}"))}'";
}

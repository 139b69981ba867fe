using System.Globalization;
using System.Text.RegularExpressions;

namespace Tunnel.Hosting.Service;

/// <summary>
/// Services under launchd (launchctl(1)), of the machine or of a user. What it writes is checked by tests; it was not run on macOS, and
/// says so.
/// </summary>
/// <param name="isOfMachine">Else of the user who runs this.</param>
/// <param name="domain">Of launchd: <c>system</c>, or <c>gui/501</c>.</param>
/// <param name="library">The folder that launchd and logs have theirs in.</param>
public sealed partial class Launchd(bool isOfMachine, string domain, string library) : ServiceSystem
{
    public override string Title => "launchd";

    public override string Caution => "The files and calls for launchd were written by its manual, and not run on macOS: look whether it does what it says.";

    public override string? FindFault() => null;

    // There is no account that is made for a service, and root is none to serve the internet as.
    public override IReadOnlyList<string> FindFaults(ServiceDescription service) =>
        isOfMachine && service.Account is null ? ["Under launchd a service of the machine runs as root, or as the account that --run-as names: name one. Without sudo it is a service of yours."] : [];

    public override string NameOf(string service) => service;

    public override ServiceFile FileOf(ServiceDescription service) => new(PathOf(service.Name), LaunchdPlist.Of(service, LogOf(service.Name)));

    public override string PathOf(string service) => Path.Combine(library, isOfMachine ? "LaunchDaemons" : "LaunchAgents", $"{service}.plist");

    public override IReadOnlyList<ToolCall> Install(string service, bool isStarted) =>
    [
        Control("bootout", TargetOf(service)) with { MayFail = true },
        Control("enable", TargetOf(service)),
        .. isStarted ? (ToolCall[])[Control("bootstrap", domain, PathOf(service))] : [],
    ];

    public override IReadOnlyList<ToolCall> Remove(string service) => [Control("bootout", TargetOf(service)) with { MayFail = true }];

    // Stopped, it is unknown to launchd.
    public override IReadOnlyList<ToolCall> Start(string service) => [Control("bootstrap", domain, PathOf(service)) with { MayFail = true }, Control("kickstart", TargetOf(service))];

    public override IReadOnlyList<ToolCall> Stop(string service) => [Control("bootout", TargetOf(service))];

    public override IReadOnlyList<ToolCall> Restart(string service) => [Control("bootout", TargetOf(service)) with { MayFail = true }, Control("bootstrap", domain, PathOf(service))];

    public override ToolCall Logs(string service, int lines, bool isFollowed) =>
        new("tail", ["-n", lines.ToString(CultureInfo.InvariantCulture), .. isFollowed ? (string[])["-F"] : [], LogOf(service)]);

    public override async Task<ServiceState> FindStateAsync(string service, ISystemTools tools)
    {
        ToolResult result = await tools.RunAsync(Control("print", TargetOf(service)));
        bool isInstalled = File.Exists(PathOf(service));
        if (result.Code != 0)
        {
            return new ServiceState(isInstalled ? ServiceStanding.Stopped : ServiceStanding.Unknown, StartsByItself: isInstalled);
        }

        string Of(string key) => Line().Matches(result.Output).FirstOrDefault(line => line.Groups[1].Value == key)?.Groups[2].Value ?? "";
        int code = int.TryParse(Of("last exit code"), NumberStyles.None, CultureInfo.InvariantCulture, out int ended) ? ended : 0;
        return new ServiceState(
            Of("state") == "running" ? ServiceStanding.Running : code != 0 ? ServiceStanding.Starting : ServiceStanding.Stopped,
            int.TryParse(Of("pid"), NumberStyles.None, CultureInfo.InvariantCulture, out int process) ? process : 0,
            Reason: code != 0 ? $"it ended with exit code {code}" : "",
            StartsByItself: isInstalled);
    }

    public override string WhenItStarts() => isOfMachine ? "It starts with the machine." : "It starts when you log in and stops when you log out.";

    private string LogOf(string service) => Path.Combine(library, "Logs", $"{service}.log");

    private string TargetOf(string service) => $"{domain}/{service}";

    private static ToolCall Control(params string[] arguments) => new("launchctl", arguments);

    // What is one tab deep is about the service itself.
    [GeneratedRegex(@"^\t([a-z ]+) = (.*)$", RegexOptions.Multiline)]
    private static partial Regex Line();
}

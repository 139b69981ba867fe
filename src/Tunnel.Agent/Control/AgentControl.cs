using System.Text.Json;
using Tunnel.Agent.Tunnels;
using Tunnel.Hosting;
using Tunnel.Hosting.Control;
using Tunnel.Hosting.Errors;

namespace Tunnel.Agent.Control;

/// <summary>What a running agent does when it is asked at its control socket.</summary>
/// <param name="reload">Looks at the settings file; null: there is none.</param>
/// <param name="stop">Begins the orderly stop.</param>
internal sealed class AgentControl(Func<AgentReport> report, Func<Task<FileNews>>? reload, Action stop)
{
    public const string Status = "status";
    public const string Reload = "reload";
    public const string Stop = "stop";

    public async Task<ControlAnswer> AnswerAsync(ControlRequest request, CancellationToken cancel) => request.Command switch
    {
        Status => new ControlAnswer(Result: JsonSerializer.SerializeToElement(report(), AgentJson.Default.AgentReport)),
        Reload => reload is null
            ? ControlAnswer.Fault(AgentErrors.NothingToReload, "It runs without a settings file.")
            : new ControlAnswer(Result: JsonSerializer.SerializeToElement(ReportOf(await reload().WaitAsync(cancel)), AgentJson.Default.ReloadReport)),
        Stop => new ControlAnswer { Afterwards = stop },
        _ => ControlAnswer.Fault(ProgramErrors.ControlInvalid, $"'{Printable.Of(request.Command)}' is not known to this version."),
    };

    private static ReloadReport ReportOf(FileNews news) => news.Faults.Count > 0
        ? new ReloadReport(news.Faults, IsTaken: false)
        : new ReloadReport(
            [
                .. news.Changes.Select(one => one.Change == TunnelChange.Dropped
                    ? $"Tunnel {one.Tunnel.Name}: dropped"
                    : $"Tunnel {one.Tunnel.Name}: {(one.Change == TunnelChange.Added ? "added" : "changed")}, for {one.Tunnel.OriginText}"),
                .. news.Waiting.Select(key => $"{key}: takes effect at the next start"),
            ],
            IsTaken: true);
}

using Tunnel.Hosting.Errors;

namespace Tunnel.Hosting.Service;

/// <summary>Makes and removes services, and tells each thing that it does.</summary>
/// <param name="tell">Takes a line for a person.</param>
public sealed class ServiceInstaller(ServiceSystem system, ISystemTools tools, Func<string, Task> tell)
{
    /// <summary>How long a service must have run that is believed to run: one that is refused ends in its first moment.</summary>
    private static readonly TimeSpan Trial = TimeSpan.FromSeconds(1.5);

    /// <summary>The files that a service needs.</summary>
    /// <exception cref="ServiceException">It cannot be a service here.</exception>
    public IReadOnlyList<ServiceFile> Plan(ServiceDescription service)
    {
        string[] faults = [.. system.FindFaults(service)];
        if (faults.Length > 0)
        {
            throw new ServiceException(ProgramErrors.ServiceOutOfReach, string.Join('\n', faults));
        }

        return [system.FileOf(service), .. VariablesOf(service) is { } file ? (ServiceFile[])[file] : []];
    }

    /// <summary>Shows what <see cref="InstallAsync"/> would do.</summary>
    /// <exception cref="ServiceException">It cannot be a service here.</exception>
    public async Task ShowPlanAsync(ServiceDescription service, bool isStarted)
    {
        foreach (ServiceFile file in Plan(service))
        {
            await tell($"Would write {file.Path}{(file.IsSecret ? ", for its owner's eyes only" : $":\n\n{file.Sealed}")}");
        }

        foreach (ToolCall call in system.Install(service.Name, isStarted))
        {
            await tell($"Would run   {call}");
        }
    }

    /// <summary>Writes the files, and makes the system take them in.</summary>
    /// <param name="isForced">Files that a person changed are written all the same.</param>
    /// <exception cref="ServiceException">It is not a service now, or does not run.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not write it.</exception>
    public async Task InstallAsync(ServiceDescription service, bool isStarted, bool isForced, TimeProvider time)
    {
        IReadOnlyList<ServiceFile> files = Plan(service);
        Refuse(files.Select(file => file.Path), isForced);
        foreach (ServiceFile file in files)
        {
            file.Write();
            await tell($"Wrote {file.Path}");
        }

        await RunAsync(system.Install(service.Name, isStarted), service.Name);
        if (isStarted)
        {
            await ProveAsync(service.Name, time);
        }
    }

    /// <summary>Looks a moment later whether it still runs.</summary>
    /// <exception cref="ServiceException">It does not.</exception>
    public async Task ProveAsync(string service, TimeProvider time)
    {
        await Task.Delay(Trial, time);
        ServiceState state = await system.FindStateAsync(service, tools);
        if (state.Standing != ServiceStanding.Running)
        {
            throw await EndedAsync(service, state.Reason.Length > 0 ? state.Reason : "it ended");
        }
    }

    /// <summary>Stops the service and removes what <see cref="InstallAsync"/> wrote.</summary>
    /// <returns>False: there was none.</returns>
    /// <exception cref="ServiceException">A person changed its file, or the system does not let go of it.</exception>
    /// <exception cref="IOException">A file cannot be removed.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not remove it.</exception>
    public async Task<bool> UninstallAsync(string program, string service, bool isForced)
    {
        string path = system.PathOf(service);
        bool isThere = ServiceFile.StateOf(path) != ServiceFileState.Missing;
        if (isThere)
        {
            Refuse([path], isForced);
            await RunAsync(system.Remove(service), service);
            await RemoveAsync(path);
            await RunAsync(system.Forget(service), service);
        }

        if (system.VariablesPathOf(program, service) is { } variables && ServiceFile.StateOf(variables) is var state && state != ServiceFileState.Missing)
        {
            if (state == ServiceFileState.Ours || isForced)
            {
                await RemoveAsync(variables);
            }
            else
            {
                await tell($"Left {variables}, which is yours");
            }
        }

        return isThere;
    }

    /// <summary>Runs these, and tells each.</summary>
    /// <exception cref="ServiceException">One failed.</exception>
    public async Task RunAsync(IReadOnlyList<ToolCall> calls, string service)
    {
        foreach (ToolCall call in calls)
        {
            ToolResult result = await tools.RunAsync(call);
            if (result.Code == 0)
            {
                await tell($"Ran   {call}");
            }
            else if (!call.MayFail)
            {
                ServiceState state = await system.FindStateAsync(service, tools);
                string said = Printable.Of(string.Join(' ', (result.Error + result.Output).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
                throw state is { Standing: ServiceStanding.Failed or ServiceStanding.Starting, Reason.Length: > 0 }
                    ? await EndedAsync(service, state.Reason)
                    : new ServiceException(ProgramErrors.ServiceToolFailed, $"{call} failed: {said}");
            }
        }
    }

    private async Task RemoveAsync(string path)
    {
        File.Delete(path);
        await tell($"Removed {path}");
    }

    private async Task<ServiceException> EndedAsync(string service, string reason)
    {
        ToolResult log = await tools.RunAsync(system.Logs(service, 10, isFollowed: false));
        return new ServiceException(ProgramErrors.ServiceDoesNotRun, $"{system.NameOf(service)} does not run: {reason}. Its last lines:\n{log.Output.TrimEnd()}\n");
    }

    private static void Refuse(IEnumerable<string> paths, bool isForced)
    {
        string[] changed = [.. paths.Where(path => !isForced && ServiceFile.StateOf(path) == ServiceFileState.Changed)];
        if (changed.Length > 0)
        {
            throw new ServiceException(
                ProgramErrors.ServiceFileChanged, $"{string.Join(" and ", changed)} was changed since, or is not of this program, and stays as it is.");
        }
    }

    // What a person wrote there stays, as long as it has what is needed.
    private ServiceFile? VariablesOf(ServiceDescription service)
    {
        if (service.Variables.Count == 0)
        {
            return null;
        }

        string names = string.Join(", ", service.Variables.Keys);
        string path = system.VariablesPathOf(service.Program, service.Name)
            ?? throw new ServiceException(ProgramErrors.ServiceVariables, $"{system.Title} has no safe place for the variables that are used: {names}.");
        IReadOnlyDictionary<string, string> present = VariablesFile.Read(path);
        if (ServiceFile.StateOf(path) != ServiceFileState.Changed)
        {
            return new ServiceFile(path, VariablesFile.Write(service.Program, service.Variables), IsSecret: true);
        }

        string[] missing = [.. service.Variables.Keys.Where(name => !present.ContainsKey(name))];
        return missing.Length == 0 ? null : throw new ServiceException(
            ProgramErrors.ServiceVariables, $"{path} is yours, and a line is missing in it for each of these: {string.Join(", ", missing)}.");
    }
}

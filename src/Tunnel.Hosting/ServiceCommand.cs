using System.CommandLine;
using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Service;

namespace Tunnel.Hosting;

/// <summary>
/// <c>service install | uninstall | start | stop | restart | status | logs</c> (docs/service.md): the program as a service of the user
/// who says it, or of the machine when root does.
/// </summary>
public sealed class ServiceCommand
{
    private const string EnvironmentPrefix = "TUNNEL_SERVICE_";

    private readonly string _program;
    private readonly Command _service;
    private readonly HelpPage _help;

    /// <param name="program">Its name, as people type it.</param>
    public ServiceCommand(Command root, HelpPage help, string program)
    {
        _program = program;
        _help = help;
        _service = new Command("service", "Lets the system run it: with its start, and again when it ends.");
        root.Subcommands.Add(_service);
        Add("uninstall", "Stops the service and removes what install wrote.", UninstallOptions.Declarations, new UninstallOptions(), UninstallAsync);
        Add("start", "Starts it.", ServiceName.Declarations, new ServiceName(), (name, run) => SteerAsync(name, run, run.System.Start(NameOf(name)), isToRun: true));
        Add("stop", "Stops it; it starts again with the system.", ServiceName.Declarations, new ServiceName(), (name, run) => SteerAsync(name, run, run.System.Stop(NameOf(name)), isToRun: false));
        Add("restart", "Stops it and starts it: after an upgrade, or with changed settings.", ServiceName.Declarations, new ServiceName(), (name, run) => SteerAsync(name, run, run.System.Restart(NameOf(name)), isToRun: true));
        Add("status", "Says how it stands; exit code 0 if it runs.", ServiceName.Declarations, new ServiceName(), ShowStateAsync);
        Add("logs", "Shows what it has logged.", LogsOptions.Declarations, new LogsOptions(), ShowLogsAsync);
    }

    /// <summary>Adds <c>install</c>, which each program says the half of.</summary>
    /// <param name="extend">Adds the program's own options to the command. It returns what makes a service of them: the command, and all that it needs.</param>
    /// <param name="text">What help says of it.</param>
    public void AddInstall(Func<Command, Func<ParseResult, ServiceWish, ServiceDescription>> extend, HelpText text)
    {
        var install = new Command("install", "Makes it a service, and starts it.");
        Func<ParseResult, ServiceWish, ServiceDescription> describe = extend(install);
        var wish = new OptionBinder<InstallOptions>(install, EnvironmentPrefix, InstallOptions.Declarations);
        ProgramRunner.Attach(install, parsed => GuardAsync(async () =>
        {
            var faults = new OptionFaults();
            InstallOptions options = wish.Bind(parsed, new InstallOptions(), faults);
            Check(options.Name, faults);
            faults.ThrowIfAny();
            var run = Run.Here();
            string name = NameOf(options.Name);
            ServiceDescription service = describe(parsed, new ServiceWish(name, run.IsOfMachine, run.System.VariablesPathOf(_program, name))) with { Account = options.Account, Group = options.FileGroup };
            RequireWords(service);
            await InstallAsync(run, service, options);
            return ExitCodes.Stopped;
        }));
        _service.Subcommands.Insert(0, install);
        _help.Describe(install, text);
    }

    private static async Task InstallAsync(Run run, ServiceDescription service, InstallOptions options)
    {
        if (run.System.Caution is { } caution)
        {
            await StandardLines.ErrorAsync(caution);
        }

        if (options.IsDry)
        {
            await run.Installer.ShowPlanAsync(service, !options.IsLeft);
            return;
        }

        await run.Installer.InstallAsync(service, !options.IsLeft, options.IsForced, TimeProvider.System);
        string name = run.System.NameOf(service.Name);
        await StandardLines.OutAsync($"{name} {(options.IsLeft ? "is installed" : "runs")}. {run.System.WhenItStarts()} {service.Purpose}");
        string which = service.Name == service.Program ? "" : $" --name {service.Name[(service.Program.Length + 1)..]}";
        await StandardLines.OutAsync($"See: {service.Program} service status{which}, {service.Program} service logs --follow{which}");
    }

    private async Task<int> UninstallAsync(UninstallOptions options, Run run)
    {
        string name = NameOf(options.Name);
        bool wasThere = await run.Installer.UninstallAsync(_program, name, options.IsForced);
        await StandardLines.OutAsync(wasThere
            ? $"{run.System.NameOf(name)} is gone. Settings, token and state are where they were."
            : $"There is no {run.System.NameOf(name)}; nothing was to be done.");
        return ExitCodes.Stopped;
    }

    private async Task<int> SteerAsync(ServiceName options, Run run, IReadOnlyList<ToolCall> calls, bool isToRun)
    {
        string name = NameOf(options);
        await RequireAsync(name, run);
        await run.Installer.RunAsync(calls, name);
        if (isToRun)
        {
            await run.Installer.ProveAsync(name, TimeProvider.System);
        }

        await ShowStateAsync(options, run);
        return ExitCodes.Stopped;
    }

    private async Task<int> ShowStateAsync(ServiceName options, Run run)
    {
        string name = NameOf(options);
        ServiceState state = await RequireAsync(name, run);
        string since = state.Since.Length > 0 ? $" since {Printable.Of(state.Since)}" : "";
        string reason = state.Reason.Length > 0 ? $": {Printable.Of(state.Reason)}" : "";
        string stands = state.Standing switch
        {
            ServiceStanding.Running => $"runs{since}{(state.Process > 0 ? $", process {state.Process}" : "")}",
            ServiceStanding.Starting => $"is starting{since}{reason}",
            ServiceStanding.Failed => $"does not run{since}{reason}",
            _ => $"does not run{since}",
        };
        await StandardLines.OutAsync($"{run.System.NameOf(name)} {stands}. {(state.StartsByItself ? run.System.WhenItStarts() : "It does not start by itself.")}");
        if (state.Standing is ServiceStanding.Failed or ServiceStanding.Starting)
        {
            await StandardLines.OutAsync($"Why: {_program} service logs{(options.Text.Length > 0 ? $" --name {options.Text}" : "")}");
        }

        return state.Standing == ServiceStanding.Running ? ExitCodes.Stopped : ExitCodes.Failed;
    }

    private async Task<int> ShowLogsAsync(LogsOptions options, Run run)
    {
        string name = NameOf(options.Name);
        await RequireAsync(name, run);
        return await run.Tools.ShowAsync(run.System.Logs(name, options.Lines, options.IsFollowed)) == 0 ? ExitCodes.Stopped : ExitCodes.Failed;
    }

    private static async Task<ServiceState> RequireAsync(string name, Run run)
    {
        ServiceState state = await run.System.FindStateAsync(name, run.Tools);
        return state.Standing == ServiceStanding.Unknown
            ? throw new ServiceException(ProgramErrors.ServiceUnknown, $"There is no {run.System.NameOf(name)}{(run.IsOfMachine ? "" : " of this user")}.")
            : state;
    }

    private void Add<TOptions>(
        string name, string says, IReadOnlyList<OptionDeclaration<TOptions>> declarations, TOptions defaults, Func<TOptions, Run, Task<int>> run)
        where TOptions : IOfService
    {
        var command = new Command(name, says);
        var binder = new OptionBinder<TOptions>(command, EnvironmentPrefix, declarations);
        ProgramRunner.Attach(command, parsed => GuardAsync(() =>
        {
            var faults = new OptionFaults();
            TOptions options = binder.Bind(parsed, defaults, faults);
            Check(options.Name, faults);
            faults.ThrowIfAny();
            return run(options, Run.Here());
        }));
        _service.Subcommands.Add(command);
        _help.Describe(command, new HelpText { DefaultOf = declaration => (declaration as OptionDeclaration<TOptions>)?.TextIn(defaults) });
    }

    private static async Task<int> GuardAsync(Func<Task<int>> run)
    {
        try
        {
            return await run();
        }
        catch (ServiceException error)
        {
            await StandardLines.ErrorAsync(error.Error, error.Message);
            return ExitCodes.Failed;
        }
    }

    private static void Check(ServiceName name, OptionFaults faults) => faults.Require(
        name.Text.Length <= 32 && name.Text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'),
        "--name takes up to 32 lower-case letters, digits and hyphens.");

    // No file of any system has a way to write these.
    private static void RequireWords(ServiceDescription service)
    {
        IEnumerable<string> words = [.. service.Command, .. service.Variables.Values, service.Account ?? "", service.Group ?? "", service.TokenFile ?? ""];
        if (words.FirstOrDefault(word => word.Any(char.IsControl)) is { } bad)
        {
            throw new ArgumentException($"'{Printable.Of(bad)}' has a control character in it, which a service cannot be given.");
        }

        foreach (string? word in new[] { service.Account, service.Group })
        {
            if (word?.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')) == true || word is "")
            {
                throw new ArgumentException($"'{Printable.Of(word)}' is no name of an account or a group.");
            }
        }
    }

    private string NameOf(ServiceName name) => name.Text.Length > 0 ? $"{_program}-{name.Text}" : _program;

    /// <summary>What one run of a command works with.</summary>
    private sealed record Run(ServiceSystem System, ISystemTools Tools, ServiceInstaller Installer, bool IsOfMachine)
    {
        /// <exception cref="ServiceException">Nothing here runs services.</exception>
        public static Run Here()
        {
            ServiceSystem system = ServiceSystems.OfThisProcess();
            if (system.FindFault() is { } fault)
            {
                throw new ServiceException(ProgramErrors.ServiceUnsupported, fault);
            }

            var tools = new SystemTools(ServiceSystems.VariablesForTools());
            return new Run(system, tools, new ServiceInstaller(system, tools, StandardLines.OutAsync), Environment.IsPrivilegedProcess);
        }
    }
}

/// <summary>What is settled of a service before its program says what it does.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsOfMachine">Else of this user.</param>
/// <param name="VariablesPath">The file with its environment variables; null: it can have none.</param>
public sealed record ServiceWish(string Name, bool IsOfMachine, string? VariablesPath);
